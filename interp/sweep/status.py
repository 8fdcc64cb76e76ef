"""`interp sweep status`: what became of every point, from the sweep's folder alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from interp.configs.loading import Output
from interp.configs.paths import user_path
from interp.errors import UserError
from interp.sweep.drive import status_table
from interp.sweep.expand import read_sweep, sweep_hash
from interp.sweep.store import Store


def status(place: Path, overrides: Sequence[str], console: Console) -> Mapping[str, object]:
    """Print and return the states of a sweep's points."""
    store = store_at(place, overrides)
    states = store.states()
    now = status_table(store, states, console)
    points = [
        {"point": entry.name, "labels": entry.labels, "hash": entry.hash, "status": state.status, "why": state.why}
        for entry in store.entries
        for state in [states[entry.hash]]
    ]
    return {"folder": str(store.path), "counts": now.counts, "points": points}


def store_at(place: Path, overrides: Sequence[str] = ()) -> Store:
    """The sweep of a folder, or of a YAML, without validating its points again; UserError when it has not begun."""
    if place.is_dir():
        return Store(place)
    data, _ = read_sweep(place, overrides)
    name, output = data.get("name"), data.get("output")
    root = output.get("root", Output().root) if isinstance(output, dict) else Output().root
    if not isinstance(name, str) or not isinstance(root, str):
        raise UserError(f"{place}: name and output.root must be text")
    folder = user_path(root, "output.root") / name / sweep_hash(data)
    if not folder.is_dir():
        raise UserError(
            f"{place}: nothing of this sweep has begun yet ({folder} is missing); interp sweep run begins it"
        )
    return Store(folder)
