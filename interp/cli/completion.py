"""What a shell offers behind a word that is half typed: YAMLs, run folders, fields to set, tasks.

A shell waits for the answer, so nothing heavy is imported, and whatever goes wrong is no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer


def configs(incomplete: str) -> list[str]:
    """YAMLs, and folders that may hold some."""
    return _entries(incomplete, lambda path: path.suffix in (".yaml", ".yml"))


def folders(incomplete: str) -> list[str]:
    """Folders: of runs, of sweeps."""
    return _entries(incomplete, lambda path: False)


def tasks(incomplete: str) -> list[str]:
    """Names of tasks."""
    from interp.prompts import tasks as known

    return [name for name in known if name.startswith(incomplete)]


def executors(incomplete: str) -> list[str]:
    """Where a sweep is carried out."""
    return [name for name in ("local", "slurm") if name.startswith(incomplete)]


def fields(context: typer.Context, incomplete: str) -> list[str]:
    """`a.b=` for every field that the YAML before it holds."""
    from interp.configs.loading import read
    from interp.errors import UserError

    # Behind an option whose value is still missing, arguments are not yet given out to their names.
    given = context.params.get("config") or next(iter(context.args), "")
    try:
        data, _ = read(Path(given))
    except (OSError, UserError):
        return []
    return [path for path in _paths(data, "") if path.startswith(incomplete)]


def _paths(data: Any, before: str) -> Iterator[str]:
    """The paths of all values, as `--set` takes them."""
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, value in inside:
        path = f"{before}.{name}" if before else str(name)
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(element, dict) for element in value)):
            yield from _paths(value, path)
        else:
            yield f"{path}="


def _entries(incomplete: str, wanted: Callable[[Path], bool]) -> list[str]:
    """What a folder holds, as it was begun to be typed; a folder ends in a slash, and a hidden one must be asked for."""
    before, _, begun = incomplete.rpartition("/")
    start = f"{before}/" if "/" in incomplete else ""
    folder = Path(start or ".").expanduser()
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return []
    return [
        f"{start}{path.name}{'/' if path.is_dir() else ''}"
        for path in inside
        if path.name.startswith(begun) and (begun or not path.name.startswith(".")) and (path.is_dir() or wanted(path))
    ]
