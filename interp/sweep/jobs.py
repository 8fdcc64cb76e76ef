"""Which points make one job of a cluster: points of one model, at most so many, so that a job loads its model once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby, pairwise
from pathlib import Path

from interp.errors import UserError
from interp.results import atomic, reading
from interp.sweep.store import Entry, Store, in_order

CANCELLED = ".cancelled"


def cut_into_jobs(entries: Sequence[Entry], most: int) -> list[list[Entry]]:
    """Jobs of at most `most` points, each of one model; a model's points are shared out evenly."""
    jobs = []
    for _, group in groupby(in_order(entries), key=lambda entry: entry.group):
        points = list(group)
        number = -(-len(points) // most)
        bounds = [len(points) * at // number for at in range(number + 1)]
        jobs += [points[low:high] for low, high in pairwise(bounds)]
    return jobs


def write_jobs(store: Store, round_: str, jobs: Sequence[Sequence[Entry]]) -> Path:
    """Keep which points are in which job of a round."""
    path = _place(store, round_)
    atomic.write_text(path, json.dumps([[entry.hash for entry in job] for job in jobs]))
    return path


def points_of_job(store: Store, round_: str, number: int) -> list[str]:
    """The hashes of the points of a job, counted from 0."""
    path = _place(store, round_)
    with reading.guarded(path):
        jobs: list[list[str]] = json.loads(path.read_text(encoding="utf-8"))
    if not 0 <= number < len(jobs):
        raise UserError(f"{path} has {len(jobs)} jobs, counted from 0, and no job {number}")
    return jobs[number]


def write_ids(store: Store, round_: str, cluster: str, ids: Sequence[str]) -> None:
    """Keep what the cluster calls the jobs of a round."""
    atomic.write_json(_place(store, round_, ".ids"), {"cluster": cluster, "ids": list(ids)})


def cancel_rounds(store: Store) -> list[str]:
    """Let no process of any round begin another point; what a cluster calls the jobs of rounds that were not cancelled yet."""
    ids: list[str] = []
    for path in sorted((store.path / "jobs").glob("*.json")):
        mark = _place(store, path.stem, CANCELLED)
        if mark.exists():
            continue
        atomic.write_text(mark, "")
        if (kept := _place(store, path.stem, ".ids")).exists():
            submitted = reading.read_json(kept)
            ids += submitted["ids"] if submitted["cluster"] == "slurm" else []
    return ids


def is_cancelled(store: Store, round_: str) -> bool:
    """Whether a round was cancelled."""
    return _place(store, round_, CANCELLED).exists()


def _place(store: Store, round_: str, ending: str = ".json") -> Path:
    return store.path / "jobs" / f"{round_}{ending}"
