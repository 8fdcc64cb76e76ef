"""What lies in a folder of runs: a row a run, also of one that was killed or damaged."""

from __future__ import annotations

import html.parser
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from interp.errors import UserError
from interp.results import reading
from interp.results.manifest import Manifest
from interp.results.run_folder import MANIFEST, RESOLVED
from interp.words.visible import visible

POINTS = "points"
"""The folder of a sweep's points, which are many; the sweep has a row of its own."""
DEEPEST = 8
REPORT = "report.html"


@dataclass(frozen=True)
class Entry:
    """A run: `folder` and `report` are relative to the folder that was asked about; `why` says what is wrong with it."""

    folder: str
    name: str
    kind: str
    model: str
    task: str
    answer: str
    date: str
    status: str
    report: str | None
    why: str = ""


def entries(root: Path, points: bool = False) -> list[Entry]:
    """Every run below `root`, the newest first; with `points`, those of sweeps too. UserError where there is no such folder."""
    if not root.is_dir():
        raise UserError(
            f"there is no folder {root}; runs lie where their YAML's output.root says (runs, where it says nothing)"
        )
    listed = [_entry(root, folder) for folder in _folders(root, points)]
    return sorted(listed, key=lambda entry: (entry.date, entry.folder), reverse=True)


def _folders(root: Path, points: bool) -> Iterator[Path]:
    """Folders with a run's config or manifest; what lies inside a run is part of it. Links are not followed."""
    for here, below, files in os.walk(root):
        folder = Path(here)
        below.sort()
        if {RESOLVED, MANIFEST} & set(files):
            below.clear()
            yield folder
        elif len(folder.relative_to(root).parts) >= DEEPEST:
            below.clear()
        elif not points and POINTS in below:
            below.remove(POINTS)


def _entry(root: Path, folder: Path) -> Entry:
    place = folder.relative_to(root).as_posix()
    wrong: list[str] = []
    config = _read(folder / RESOLVED, wrong)
    manifest = _manifest(folder / MANIFEST, wrong)
    report = f"{place}/{REPORT}" if (folder / REPORT).is_file() else None
    answer = _answer(folder / REPORT) if report else ""
    if missing := [name for name in manifest.tables if not (folder / name).is_file()]:
        wrong.append(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    return Entry(
        folder=place,
        name=str(config.get("name") or manifest.name or folder.parent.name),
        kind="sweep" if "sweep" in config else str(config.get("study", "circuit")) if config else "",
        model=model_words(config),
        task=_task(config),
        answer=answer,
        date=_date(folder),
        status="damaged" if wrong else _status(folder, manifest),
        report=report,
        why="; ".join(wrong) or str(manifest.error or ""),
    )


def _read(path: Path, wrong: list[str]) -> dict[str, Any]:
    try:
        return reading.read_yaml(path)
    except UserError as error:
        wrong.append(str(error).replace(str(path), path.name))
        return {}


def _manifest(path: Path, wrong: list[str]) -> Manifest:
    try:
        return Manifest.model_validate(reading.read_json(path))
    except ValidationError:
        wrong.append(f"{path.name} is not one of this version")
    except UserError as error:
        wrong.append(str(error).replace(str(path), path.name))
    return Manifest()


def _status(folder: Path, manifest: Manifest) -> str:
    """As the manifest says; what says that it runs, and that nobody holds, was killed."""
    if manifest.status == "running" and not _held(folder / ".lock"):
        return "interrupted"
    return manifest.status or "damaged"


def _held(lock: Path) -> bool:
    """Whether another process holds a run's lock; it is only looked at. True where that cannot be told."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return True
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _date(folder: Path) -> str:
    """When its manifest was last written, in UTC."""
    for name in (MANIFEST, RESOLVED):
        try:
            return datetime.fromtimestamp((folder / name).stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M")
        except OSError:
            continue
    return ""


def model_words(given: Mapping[str, object]) -> str:
    """`smollm2-135m-instruct + checkpoints/smollm2-sparse`, from a config's plain data."""
    models = given.get("models") or {"": given.get("model") or {}}
    words = []
    for model in models.values() if isinstance(models, dict) else [models]:
        if not isinstance(model, dict):  # a kind of run may call something of its own `model`
            words.append(str(model))
            continue
        # Of a path the last folder: the whole of it fits no column, and says whose machine it is.
        name = str(model.get("name") or Path(str(model.get("path") or "")).name or model.get("source") or "")
        sparse = model.get("sparse") or {}
        words.append(
            name + (f" + {sparse['checkpoint']}" if isinstance(sparse, dict) and sparse.get("checkpoint") else "")
        )
    return " | ".join(words)


def _task(config: Mapping[str, object]) -> str:
    prompts = config.get("prompts")
    task = prompts.get("task") if isinstance(prompts, dict) else None
    return str(task.get("kind", "")) if isinstance(task, dict) else ""


class _Answer(html.parser.HTMLParser):
    """The first sentence block of a report's answer."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = self.done = False
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = self.inside or (tag == "div" and ("class", "answer") in attrs)

    def handle_endtag(self, tag: str) -> None:
        self.done = self.done or (self.inside and tag in ("p", "div"))

    def handle_data(self, data: str) -> None:
        if self.inside and not self.done:
            self.text.append(data)


def _answer(report: Path) -> str:
    """The first paragraph of the answer that a report gives; empty where it cannot be found."""
    parser = _Answer()
    try:
        with report.open(encoding="utf-8", errors="replace") as file:
            while not parser.done and (part := file.read(1 << 16)):
                parser.feed(part)
    except OSError:
        return ""
    return visible(" ".join("".join(parser.text).split()))
