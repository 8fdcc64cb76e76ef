"""What a sweep keeps on disk beside the runs of its points: the list of points, claims, and what happened.

    <root>/<name>/points/<point>/<hash>/   the runs: they are shared by all sweeps of one name, so a grown sweep keeps what is
                                           finished
    <root>/<name>/<sweep hash>/            index.json, configs.jsonl, events/, claims/, logs/, jobs/; then tables and report

Every process appends to an event file of its own, one line an event, so no two write to one file. A point is finished when
its own run's manifest says so; the events say it faster, and what else became of it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from interp.configs.paths import user_path
from interp.errors import UserError
from interp.results import atomic, reading, sealed
from interp.results.run_folder import GIVEN, MANIFEST, RESOLVED, RunFolder
from interp.sweep.expand import Sweep, swept

INDEX, CONFIGS = "index.json", "configs.jsonl"
LEAST_FREE = 64 * 2**20
"""Bytes that must be free before a point is begun."""
ENDED = ("finished", "refused", "failed")


@dataclass(frozen=True)
class Entry:
    """A point, as the index holds it."""

    name: str
    labels: dict[str, str]
    hash: str
    group: str


@dataclass(frozen=True)
class State:
    """What became of a point: waiting, running, interrupted, finished, refused (a sentence says why), failed (a bug)."""

    status: str
    why: str = ""
    seconds: float = 0.0
    since: float = 0.0
    worker: str = ""


WAITING = State("waiting")


class Store:
    """The folder of a sweep that has been prepared."""

    def __init__(self, path: Path) -> None:
        if not (path / INDEX).is_file():
            raise UserError(f"{path} is no sweep's folder: {INDEX} is missing; begin it with interp sweep run")
        self.path = path
        index = reading.read_json(path / INDEX)
        with reading.guarded(path / INDEX):
            self.about: dict[str, Any] = index["about"]
            self.entries = [Entry(**point) for point in index["points"]]

    @classmethod
    def prepare(cls, sweep: Sweep) -> Store:
        """Write a sweep's folder; UserError when it holds another sweep, or cannot be written."""
        path = folder_of(sweep)
        with RunFolder.at(path, {**swept(sweep.data), "output": {"root": sweep.root}}, sweep.text):
            points = [asdict(Entry(point.name, point.labels, point.hash, point.group)) for point in sweep.points]
            about = {
                "name": sweep.name,
                "title": sweep.config.title or sweep.data.get("title") or sweep.name,
                "question": sweep.config.question or sweep.data.get("question") or "",
                "repeats": sweep.config.repeats,
                "reference": None if sweep.config.reference is None else sweep.config.reference.model_dump(),
                "reports": sweep.config.reports,
                "config": str(sweep.path),
                "overrides": list(sweep.overrides),
                "hash": sweep.hash,
            }
            configs = "".join(json.dumps({"hash": point.hash, "given": point.given}) + "\n" for point in sweep.points)
            atomic.write_text(path / CONFIGS, configs)
            # Compact, because it is read at every look at the status.
            atomic.write_text(path / INDEX, json.dumps({"about": about, "points": points}))
        return cls(path)

    def point_folder(self, entry: Entry) -> Path:
        """The run folder of a point."""
        return self.path.parent / "points" / entry.name / entry.hash

    def configs(self, hashes: Iterable[str]) -> dict[str, Mapping[str, object]]:
        """Hash -> YAML, as plain data, of some points."""
        wanted, configs = set(hashes), {}
        with reading.guarded(self.path / CONFIGS), (self.path / CONFIGS).open(encoding="utf-8") as lines:
            for line in lines:
                point = json.loads(line)
                if point["hash"] in wanted:
                    configs[point["hash"]] = point["given"]
        return configs

    def is_finished(self, entry: Entry) -> bool:
        """Whether the point's own run says that it has ended well."""
        return ended_well(self.point_folder(entry))

    def kept_since(self, entry: Entry, then: float) -> bool:
        """Whether the point's run has kept a piece (a probe, a step of training) since a time as of `time.time()`."""
        said = (MANIFEST, RESOLVED, GIVEN, ".lock")
        places = (path for path in self.point_folder(entry).rglob("*") if path.is_file())
        return any(
            path.stat().st_mtime > then
            for path in places
            if path.name not in said and not path.name.endswith(atomic.TEMPORARY)
        )

    def events(self) -> list[dict[str, Any]]:
        """Everything that happened, in time."""
        events = []
        for path in sorted((self.path / "events").glob("*.jsonl")):
            with reading.guarded(path):
                for line in path.read_text(encoding="utf-8").splitlines():
                    try:
                        events.append(json.loads(line))
                    except ValueError:  # the last line of a process that was killed
                        continue
        return sorted(events, key=lambda event: event["at"])

    def states(self) -> dict[str, State]:
        """Hash -> what became of the point."""
        told: dict[str, State] = {}
        for event in self.events():
            told[event["point"]] = State(
                event["event"], event.get("why", ""), event.get("seconds", 0.0), event["at"], event.get("worker", "")
            )
        return {entry.hash: self._state(entry, told.get(entry.hash)) for entry in self.entries}

    def _state(self, entry: Entry, told: State | None) -> State:
        if told is None:  # perhaps another sweep of this name has done it
            return State("finished") if self.is_finished(entry) else WAITING
        if told.status == "finished":
            return told if (self.point_folder(entry) / MANIFEST).exists() else WAITING
        if told.status == "started":
            return State("running" if self.is_claimed(entry) else "interrupted", "", 0.0, told.since, told.worker)
        return told

    @contextmanager
    def claim(self, entry: Entry) -> Iterator[bool]:
        """Hold a point, so that no other process works on it; yields whether it was free. A killed process lets go of it."""
        lock = FileLock(self._claim(entry), timeout=0)
        with atomic.mendable(self.path):
            (self.path / "claims").mkdir(exist_ok=True)
            try:
                lock.acquire()
            except Timeout:
                yield False
                return
        try:
            yield True
        finally:
            lock.release()

    def is_claimed(self, entry: Entry) -> bool:
        """Whether a process holds the point."""
        if not self._claim(entry).exists():
            return False
        with self.claim(entry) as free:
            return not free

    def _claim(self, entry: Entry) -> Path:
        return self.path / "claims" / f"{entry.hash}.lock"

    def tried(self, entry: Entry) -> str:
        """In which round a point was tried last without success; empty: in none."""
        try:
            return (self.path / "claims" / f"{entry.hash}.tried").read_text(encoding="utf-8")
        except OSError:
            return ""

    def mark_tried(self, entry: Entry, round_: str) -> None:
        """No process tries the point again in this round."""
        atomic.write_text(self.path / "claims" / f"{entry.hash}.tried", round_)

    def check_room(self) -> None:
        """UserError when the disk is (nearly) full: a point that is begun then would be lost."""
        free = shutil.disk_usage(self.path).free
        if free < LEAST_FREE:
            raise UserError(
                f"there is no room on the disk of {self.path}: {free / 2**20:.0f} MB are free, and a sweep needs at least "
                f"{LEAST_FREE / 2**20:.0f} MB; free some space, the same command then goes on"
            )


class Journal:
    """The event file of this process."""

    def __init__(self, store: Store, role: str) -> None:
        self.worker = f"{socket.gethostname()}-{os.getpid()}"
        self._path = store.path / "events" / f"{role}-{self.worker}-{time.time_ns()}.jsonl"

    def say(self, event: str, entry: Entry, **more: Any) -> None:
        """Append an event; UserError when it cannot be written."""
        line = json.dumps({"at": time.time(), "event": event, "point": entry.hash, "worker": self.worker, **more})
        with atomic.mendable(self._path.parent):
            self._path.parent.mkdir(exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")


def ended_well(folder: Path) -> bool:
    """Whether a run's folder says that it has ended well."""
    if not (folder / MANIFEST).exists():
        return False
    try:
        return sealed.read(folder / MANIFEST).get("status") == "finished"
    except UserError:
        return False


def states_of(sweep: Sweep) -> dict[str, State]:
    """Hash -> what became of a sweep's points, also before it has begun."""
    folder = folder_of(sweep)
    told = Store(folder).states() if (folder / INDEX).is_file() else {}
    points = folder.parent / "points"
    return {
        point.hash: told.get(point.hash)
        or (State("finished") if ended_well(points / point.name / point.hash) else WAITING)
        for point in sweep.points
    }


def folder_of(sweep: Sweep) -> Path:
    """Where a sweep's own files are."""
    return user_path(sweep.root, "output.root") / sweep.name / sweep.hash


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Points of one model one after another, so that a process loads each model once."""
    return sorted(entries, key=lambda entry: entry.group)


def unfinished(store: Store, states: dict[str, State]) -> list[Entry]:
    """The points that are still to be done, in order."""
    return in_order(entry for entry in store.entries if states[entry.hash].status != "finished")
