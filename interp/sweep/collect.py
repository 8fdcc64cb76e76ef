"""`interp sweep collect`: one long table of all finished points, a row a point and quantity, and what became of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.results import reading
from interp.results.run_folder import RESOLVED, RunFolder
from interp.runs.kinds import kind_of
from interp.sweep.cells import axes_of
from interp.sweep.publish import publish
from interp.sweep.quantities import quantities
from interp.sweep.status import store_at
from interp.sweep.store import Entry, Journal, State, Store
from interp.words.phrases import plural

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

RESULTS = ("results.parquet", "results.csv")
POINTS = "points.csv"
NUMBERS = ("value", "low", "high", "sem", "n", "n_clusters")


def collect(place: Path, overrides: Sequence[str], console: Console) -> Path:
    """Collect the sweep of a folder or a YAML; the path of the report (of the table, for kinds of run without one)."""
    return collect_store(store_at(place, overrides), console)


def collect_store(store: Store, console: Console) -> Path:
    """Write results.parquet, results.csv and points.csv, and the report; UserError when no point is finished."""
    table = long_table(store, store.states())
    if table.empty:
        raise UserError(
            f"{store.path}: no point is finished yet, so there is nothing to collect; see interp sweep status"
        )
    # Once more, because a result that could not be read is none.
    states = store.states()
    with RunFolder.existing(store.path) as folder:
        for name in RESULTS:
            folder.write_table(name, table)
        folder.write_table(POINTS, points_table(store, states))
    console.print(
        f"{store.path / RESULTS[0]}: {len(table):,} rows, {plural(table['point'].nunique(), 'point')}", highlight=False
    )
    if not any((store.point_folder(one) / "metrics.json").is_file() for one in store.entries):
        return store.path / RESULTS[0]
    return publish(store, states, console)


def long_table(store: Store, states: dict[str, State]) -> pd.DataFrame:
    """One row a finished point and quantity: point, its level on every axis, quantity, value and interval, hash."""
    axes = axes_of(store.entries)
    rows = []
    journal = Journal(store, "collect")
    for entry in store.entries:
        if states[entry.hash].status != "finished":
            continue
        labels = {axis: entry.labels.get(axis, "") for axis in axes}
        try:
            found = list(_quantities(store, entry))
        except UserError as error:
            # The next run makes it again.
            journal.say("interrupted", entry, why=f"a result cannot be read: {error}")
            continue
        rows += [{"point": entry.name, **labels, **one, "hash": entry.hash} for one in found]
    columns = ["point", *axes, "quantity", *NUMBERS, "hash"]
    made = pd.DataFrame(rows, columns=columns)
    return made.astype(
        dict.fromkeys(("value", "low", "high", "sem"), "float64") | {"n": "Int64", "n_clusters": "Int64"}
    )


def points_table(store: Store, states: dict[str, State]) -> pd.DataFrame:
    """One row a point: its levels, what became of it and why, seconds, folder."""
    axes = axes_of(store.entries)
    rows = []
    for entry in store.entries:
        state = states[entry.hash]
        folder = store.point_folder(entry).relative_to(store.path.parent)
        rows.append(
            {
                "point": entry.name,
                **{axis: entry.labels.get(axis, "") for axis in axes},
                "status": state.status,
                "why": state.why,
                "seconds": state.seconds,
                "folder": f"../{folder.as_posix()}",
            }
        )
    return pd.DataFrame(rows)


def _quantities(store: Store, entry: Entry) -> Iterator[dict[str, Any]]:
    folder = RunFolder.existing(store.point_folder(entry))
    kind = kind_of(reading.read_yaml(folder.path / RESOLVED), entry.name)
    for one in quantities(kind.concluded(folder)):
        plain = asdict(one)
        yield {"quantity": plain.pop("name"), **plain}
