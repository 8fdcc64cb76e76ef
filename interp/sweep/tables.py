"""Tables of a sweep: its long table, what became of every point, what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from interp.configs.lazy import lazy
from interp.report.story import TableBlock
from interp.runs.chapter import MOST_LINES, Chapter, Point, axis_words, cut_note
from interp.sweep.drive import hours
from interp.sweep.layout import axes_of
from interp.sweep.store import State, Store
from interp.words.numbers import NONE

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

NUMBERS = ("value", "low", "high", "sem", "n", "n_clusters")


def long_table(store: Store, points: Sequence[tuple[Point, str]]) -> pd.DataFrame:
    """One row a finished point and quantity: point, its level on every axis, quantity, value and interval, hash."""
    axes = axes_of(store.entries)
    rows = []
    for point, digest in points:
        labels = {axis: point.labels.get(axis, "") for axis in axes}
        for quantity in point.quantities.values():
            plain = asdict(quantity)
            rows.append({"point": point.name, **labels, "quantity": plain.pop("name"), **plain, "hash": digest})
    made = pd.DataFrame(rows, columns=["point", *axes, "quantity", *NUMBERS, "hash"])
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


def points_block(store: Store, states: dict[str, State], chapters: Sequence[Chapter]) -> TableBlock:
    """Every point: what became of it, and its main numbers."""
    axes = axes_of(store.entries)
    columns = list(dict.fromkeys(name for chapter in chapters for name in chapter.columns))
    numbers = {
        name: dict(zip(chapter.columns, cells, strict=True))
        for chapter in chapters
        for name, cells in chapter.cells.items()
    }
    rows = []
    for entry in store.entries[:MOST_LINES]:
        state, mine = states[entry.hash], numbers.get(entry.name, {})
        levels = [entry.labels.get(axis, "") for axis in axes]
        took = hours(state.seconds) if state.seconds else NONE
        rows.append([entry.name, *levels, state.status, *(mine.get(name, NONE) for name in columns), took])
    notes = " ".join(chapter.columns_note for chapter in chapters if chapter.columns_note)
    return TableBlock(
        title="Points",
        columns=["point", *axis_words(axes).values(), "state", *columns, "time"],
        rows=rows,
        note=notes + cut_note(len(store.entries)),
    )


def failures(store: Store, states: dict[str, State]) -> list[TableBlock]:
    """Points that ended without a result, by reason."""
    alike: dict[tuple[str, str], list[str]] = {}
    for entry in store.entries:
        state = states[entry.hash]
        if state.status in ("refused", "failed"):
            alike.setdefault((state.status, state.why), []).append(entry.name)
    if not alike:
        return []
    rows = [
        [status, str(len(names)), ", ".join(names[:4]) + (" …" if len(names) > 4 else ""), why]
        for (status, why), names in alike.items()
    ]
    return [
        TableBlock(
            title="Failed or refused",
            columns=["state", "points", "which", "why"],
            rows=rows,
            note="Refused: the run said in a sentence what would have to change; failed: a bug, whose traceback is in logs/.",
        )
    ]
