"""`interp sweep collect`: one long table of all finished points, a row a point and quantity, and the study report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from interp.errors import UserError
from interp.results.run_folder import RunFolder
from interp.sweep.layout import finished_points
from interp.sweep.publish import publish
from interp.sweep.status import store_at
from interp.sweep.store import Store
from interp.sweep.tables import long_table, points_table
from interp.words.phrases import plural

RESULTS = ("results.parquet", "results.csv")
POINTS = "points.csv"


def collect(place: Path, overrides: Sequence[str], console: Console) -> Path:
    """Collect the sweep of a folder or a YAML; the path of its report."""
    return collect_store(store_at(place, overrides), console)


def collect_store(store: Store, console: Console) -> Path:
    """Write results.parquet, results.csv, points.csv and the report; UserError when no point is finished."""
    by_kind = finished_points(store, store.states())
    if not by_kind:
        raise UserError(
            f"{store.path}: no point is finished yet, so there is nothing to collect; see interp sweep status"
        )
    # Once more, because a result that could not be read is none.
    states = store.states()
    told = {entry.hash: place for place, entry in enumerate(store.entries)}
    points = sorted(
        ((point, digest) for each in by_kind.values() for point, _, digest in each), key=lambda pair: told[pair[1]]
    )
    table = long_table(store, points)
    with RunFolder.existing(store.path) as folder:
        for name in RESULTS:
            folder.write_table(name, table)
        folder.write_table(POINTS, points_table(store, states))
    console.print(f"{store.path / RESULTS[0]}: {len(table):,} rows, {plural(len(points), 'point')}", highlight=False)
    return publish(store, states, by_kind, console)
