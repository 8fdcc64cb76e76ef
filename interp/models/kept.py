"""The loader that a process with many runs uses: a model that the next run wants, too, is not loaded again.

Outside `keeping` it is the plain loader. A kept model is given again for the same settings, the same files and the same first
prompt alone, so that a run's record does not depend on what ran before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from rich.console import Console

from interp.models.config import ModelSource
from interp.models.info import LoadedModel
from interp.models.load import load_model as load

Key = tuple[str, str | None]


class Kept:
    """The models of the last run."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._models: dict[Key, LoadedModel] = {}
        self.loads = 0

    def get(self, config: ModelSource, console: Console | None, prompt: str | None) -> LoadedModel:
        """The model, from the last run or loaded now; the one that was used longest ago makes room."""
        key = (json.dumps([config.model_dump(mode="json"), files_seen(config)], sort_keys=True), prompt)
        model = self._models.pop(key, None)
        if model is None:
            while len(self._models) >= self._most:
                del self._models[next(iter(self._models))]
            self.loads += 1
            model = load(config, console, prompt)
        self._models[key] = model
        return model


_KEPT: ContextVar[Kept | None] = ContextVar("kept", default=None)


@contextmanager
def keeping(most: int = 2) -> Iterator[Kept]:
    """Inside, `load_model` keeps the last models; two, because a comparison has two."""
    kept = Kept(most)
    token = _KEPT.set(kept)
    try:
        yield kept
    finally:
        _KEPT.reset(token)


def load_model(config: ModelSource, console: Console | None = None, prompt: str | None = None) -> LoadedModel:
    """`interp.models.load.load_model`, or what is kept of it."""
    kept = _KEPT.get()
    return load(config, console, prompt) if kept is None else kept.get(config, console, prompt)


def files_seen(config: Any) -> list[list[Any]]:
    """Path, size and times of the files that a model's settings name, by which a changed file is noticed."""
    from interp.configs.external import External
    from interp.configs.paths import user_path

    seen: list[list[Any]] = []
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if any(isinstance(mark, External) for mark in field.metadata) and value is not None:
            path = user_path(value, f"model.{name}")
            files = sorted(path.iterdir()) if path.is_dir() else [path] if path.is_file() else []
            seen += [
                [str(file), file.stat().st_size, file.stat().st_mtime_ns, file.stat().st_ctime_ns] for file in files
            ]
        elif hasattr(type(value), "model_fields"):
            seen += files_seen(value)
    return seen
