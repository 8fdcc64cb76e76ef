"""Files outside a run that its config names: what they held when it was measured.

The fields of a config whose value is such a path carry a mark (interp.configs.external) and are found by walking over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from interp.configs.external import External
from interp.configs.paths import user_path
from interp.results.sealed import digest_of_file

READ_FROM_FOLDERS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
"""What is read of a model's or a checkpoint's folder."""

Inputs = dict[str, dict[str, str]]
"""Path -> `sha256` of its content, and `seen`: size, times and inode, by which an untouched file is known again."""


def paths_in(config: Any) -> Iterator[str]:
    """The paths that a config names, as given."""
    if isinstance(config, BaseModel):
        for name, field in type(config).model_fields.items():
            value = getattr(config, name)
            if any(isinstance(mark, External) for mark in field.metadata):
                yield from () if value is None else (str(value),)
            else:
                yield from paths_in(value)
    elif isinstance(config, Mapping):
        for value in config.values():
            yield from paths_in(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from paths_in(value)


def inputs_of(config: Any, before: Inputs | None = None) -> Inputs:
    """The files that a config names and what they hold now; those untouched since `before` are not read again.

    A path that is not there gives nothing: whoever needs it says so.
    """
    return {
        str(file): _seen(file, (before or {}).get(str(file), {}))
        for given in dict.fromkeys(paths_in(config))
        for file in _files(Path(given))
    }


def digests(inputs: Inputs) -> dict[str, str]:
    """`file <path>` -> digest: what a part was made from."""
    return {f"file {path}": one["sha256"] for path, one in inputs.items()}


def _files(path: Path) -> list[Path]:
    there = user_path(path, "a path in the config")
    if there.is_dir():
        names = sorted({file.name for pattern in READ_FROM_FOLDERS for file in there.glob(pattern) if file.is_file()})
        return [path / name for name in names]
    return [path] if there.is_file() else []


def _seen(file: Path, before: Mapping[str, str]) -> dict[str, str]:
    there = user_path(file, "a path in the config")
    stat = there.stat()
    # The time of the last change of the inode cannot be set back, as the time of writing can.
    seen = f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"
    known = before.get("sha256") if before.get("seen") == seen else None
    return {"sha256": known or digest_of_file(there) or "unreadable", "seen": seen}
