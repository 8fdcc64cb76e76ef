"""Files outside a run that its config names: what they held when it was measured.

The fields of a config whose value is such a path carry a mark (interp.configs.external) and are found by walking over it. A file
is known by its field, as in `model.path/model.safetensors`: a record with paths would say whose machine it was, and would be
another one after the folder has moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from interp.configs.external import External
from interp.configs.paths import user_path
from interp.results.sealed import digest_of_file

READ_FROM_FOLDERS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
"""What is read of a model's or a checkpoint's folder."""

Inputs = dict[str, dict[str, str]]
"""Field, and in a folder `/` and the file -> `sha256` of its content, and `seen`: size, times and place, by which an untouched
file is known again."""


def paths_in(config: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """The fields of a config that name a path, and the paths as given."""
    if isinstance(config, BaseModel):
        for name, about in type(config).model_fields.items():
            value, place = getattr(config, name), f"{field}.{name}" if field else name
            if any(isinstance(mark, External) for mark in about.metadata):
                yield from () if value is None else ((place, str(value)),)
            else:
                yield from paths_in(value, place)
    elif isinstance(config, Mapping | list | tuple):
        entries: Iterable[tuple[Any, Any]] = config.items() if isinstance(config, Mapping) else enumerate(config)
        for key, value in entries:
            yield from paths_in(value, f"{field}.{key}")


def inputs_of(config: Any, before: Inputs | None = None) -> Inputs:
    """The files that a config names and what they hold now; those untouched since `before` are not read again.

    A path that is not there gives nothing: whoever needs it says so.
    """
    known = {file["seen"]: file["sha256"] for file in (before or {}).values()}
    return {
        name: _seen(file, known)
        for field, given in paths_in(config)
        for name, file in _files(field, user_path(given, field)).items()
    }


def digests(inputs: Inputs) -> dict[str, str]:
    """`file <field>` -> digest: what a part was made from."""
    return {f"file {name}": file["sha256"] for name, file in inputs.items()}


def still_there(inputs: Inputs, config: Any) -> Inputs:
    """The inputs whose paths are still there: a path that is gone can be held against nothing."""
    gone = {field for field, given in paths_in(config) if not user_path(given, field).exists()}
    return {name: file for name, file in inputs.items() if name.partition("/")[0] not in gone}


def _files(field: str, path: Path) -> dict[str, Path]:
    if path.is_dir():
        files = {file.name: file for pattern in READ_FROM_FOLDERS for file in path.glob(pattern) if file.is_file()}
        return {f"{field}/{name}": files[name] for name in sorted(files)}
    return {field: path} if path.is_file() else {}


def _seen(file: Path, known: dict[str, str]) -> dict[str, str]:
    stat = file.stat()
    # The time of the last change of the inode cannot be set back, as the time of writing can.
    seen = f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_dev} {stat.st_ino}"
    digest = known.get(seen) or digest_of_file(file) or "unreadable"
    return {"sha256": digest, "seen": seen}
