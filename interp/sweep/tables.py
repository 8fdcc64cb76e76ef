"""Tables of a sweep's report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from interp.configs.lazy import lazy
from interp.report.story import TableBlock
from interp.sweep.cells import Cell, Found, axes_of
from interp.sweep.drive import hours
from interp.sweep.figures import needed_words
from interp.sweep.store import State, Store
from interp.sweep.summary import TOGETHER, records
from interp.words.numbers import NONE, around, fixed, number
from interp.words.phrases import percent

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

MOST_ROWS = 200


def summary_block(summary: pd.DataFrame, cells: Sequence[Cell]) -> TableBlock:
    """Points that repeat each other, together."""
    axes = list(cells[0].levels) if cells else []
    unit = cells[0].points[0].run.metric.unit if cells else ""
    rows = []
    for cell, row in list(zip(cells, records(summary), strict=True))[:MOST_ROWS]:
        effect = {name: row[f"effect_{name}"] for name in ("mean", "low", "high")}
        least, most = row["heads_least"], row["heads_most"]
        span = NONE if least is None else fixed(least, 0) if least == most else f"{fixed(least, 0)} to {fixed(most, 0)}"
        rows.append(
            [
                *(cell.levels.get(axis, "") for axis in axes),
                str(row["points"]),
                around(effect["mean"], effect["low"], effect["high"]),
                number(row["effect_sd"]),
                number(row["heads_mean"]),
                span + (f"; never in {row['never']}" if row["never"] else ""),
                f"{row['pairs']} in {row['prompts']}",
            ]
        )
    return TableBlock(
        title="Cells of the grid",
        columns=[
            *axes,
            "points",
            f"effect ({unit})",
            "SD of points",
            "heads, mean",
            "heads, range",
            "word pairs in prompts",
        ],
        rows=rows,
        note="Intervals draw word pairs over all points of a cell; the SD is that of the points' own means."
        + _cut(len(cells)),
    )


def ratios_block(table: pd.DataFrame, reference: str) -> TableBlock:
    """Ratios of heads needed."""
    rows = []
    for row in records(table.head(MOST_ROWS)):
        low, high = (None if row[end] is None else fixed(row[end], 2) for end in ("low", "high"))
        inside = NONE if low is None and high is None else f"[{low or '…'}, {high or '…'}]"
        counts = ("" if row["combination"] == TOGETHER else _count(row[one]) for one in ("reference_n", "n"))
        rows.append([str(row["level"]), str(row["combination"]), *counts, fixed(row["ratio"], 2), inside])
    return TableBlock(
        title=f"Heads of {reference} over heads of the other",
        columns=["level", "combination", f"heads, {reference}", "heads", "ratio", "interval"],
        rows=rows,
        note="Above 1: the level needs fewer heads than the reference." + _cut(len(table)),
    )


def points_block(store: Store, states: dict[str, State], points: Sequence[Found]) -> TableBlock:
    """Every point: what became of it, and its main numbers."""
    axes, found = axes_of(store.entries), {one.entry.hash: one for one in points}
    rows = []
    for entry in store.entries[:MOST_ROWS]:
        one, state = found.get(entry.hash), states[entry.hash]
        numbers = [NONE] * 4 if one is None else _numbers(one)
        levels = [entry.labels.get(axis, "") for axis in axes]
        rows.append([entry.name, *levels, state.status, *numbers, hours(state.seconds) if state.seconds else NONE])
    return TableBlock(
        title="Points",
        columns=["point", *axes, "state", "effect", "heads", "prompts", "right", "time"],
        rows=rows,
        note="Effect: of all key→query edges, or of the whole gap; right: on all candidates."
        + _cut(len(store.entries)),
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


def _numbers(one: Found) -> list[str]:
    run = one.run
    return [
        around(one.effect.mean, one.effect.low, one.effect.high),
        needed_words(one),
        str(run.n_prompts),
        percent(run.accuracy),
    ]


def _count(value: Any) -> str:
    return "never" if value is None else fixed(value, 0)


def _cut(rows: int) -> str:
    return f" The first {MOST_ROWS} of {rows} rows." if rows > MOST_ROWS else ""
