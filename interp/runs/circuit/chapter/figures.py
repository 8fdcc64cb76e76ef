"""Figures of many runs of probes: effects as a forest plot, heads needed, the grid as a heatmap, ratios to a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from interp.configs.lazy import lazy
from interp.figures.base import Drawn
from interp.figures.crossed import crossed
from interp.figures.forest import Mark, Panel, drawn
from interp.runs.chapter import MOST_ROWS, Cell, records, row_label, rows_of, singles_too
from interp.runs.circuit.chapter.found import Found
from interp.runs.circuit.chapter.summary import TOGETHER
from interp.words.phrases import plural

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


def effects(cells: Sequence[Cell[Found]], summary: pd.DataFrame) -> Drawn:
    """Every point's effect with its interval; where points repeat each other, the mean of their cell below them."""
    together = {id(cell): row for cell, row in zip(cells, records(summary), strict=True)}
    rows = rows_of(cells)
    marks = []
    for place, (_, cell, point) in enumerate(rows):
        if point is None:
            mean, low, high = (together[id(cell)][f"effect_{name}"] for name in ("mean", "low", "high"))
            marks.append(Mark(place, mean, low, high, together=True))
        else:
            marks.append(Mark(place, point.effect.mean, point.effect.low, point.effect.high))
    names, heavy = [label for label, _, _ in rows], [point is None for _, _, point in rows]
    what = _effect_words(cells)
    panel = Panel(f"{what} ({cells[0].points[0].run.metric.unit})", marks)
    caption = (
        f"{what.capitalize()} of every point with its interval (blue)"
        + (
            ", and of the points that repeat each other together (red diamonds; word pairs drawn over all of them)."
            if any(heavy)
            else "."
        )
        + ("" if singles_too(cells) else f" Single points are left out, because there are more than {MOST_ROWS} rows.")
    )
    return drawn(names, [panel], "Effects", caption, heavy)


def heads_needed(cells: Sequence[Cell[Found]], colour_axis: str | None) -> Drawn:
    """How many heads every point needs, a row a combination of the other axes, a colour a level of `colour_axis`."""
    levels = list(dict.fromkeys(cell.levels.get(colour_axis or "", "") for cell in cells))
    table: dict[str, list[Found]] = {}
    for point in (point for cell in cells for point in cell.points if point.needed is not None):
        rest = {axis: level for axis, level in point.labels.items() if axis != colour_axis}
        table.setdefault(row_label(rest) or "all", []).append(point)
    names = list(table)[:MOST_ROWS]
    marks = [
        Mark(place, needs.n, needs.n_low, needs.n_high, levels.index(point.labels.get(colour_axis or "", "")))
        for place, name in enumerate(names)
        for point in table[name]
        if (needs := point.needed) is not None
    ]
    panel = Panel("heads needed", marks, line=None, whole=True)
    heads = table[names[0]][0].heads
    assert heads is not None
    caption = (
        f"Heads needed for {heads.target * 100:g} % of the key→query effect ({heads.definition} share), on word pairs that they "
        "were not chosen from, with intervals; arrows: not reached, or not in some resamples."
        + (f" Colours: {colour_axis}." if colour_axis and len(levels) > 1 else "")
    )
    return drawn(names, [panel], "Heads needed", caption, levels=levels)


def grid(points: Sequence[Found], across: str, down: str) -> Drawn:
    """Heads needed (or the effect) over two axes; cells with several points show their mean."""
    counted = any(point.needed is not None for point in points)
    what = "heads needed" if counted else "effect"
    values = [(point.labels, point.n_needed if counted else point.effect.mean) for point in points]
    made = crossed(values, across, down, what)
    note = " A dash: no finished point, or no point that reaches the target."
    return replace(made, caption=made.caption + note)


def ratios(table: pd.DataFrame, axis: str, reference: str) -> Drawn:
    """Ratios of heads needed, a row a combination, on a logarithmic axis."""
    shown = records(table.dropna(subset=["ratio"]).head(MOST_ROWS))
    names = [f"{row['level']}: {row['combination']}" for row in shown]
    heavy = [row["combination"] == TOGETHER for row in shown]
    marks = [
        Mark(place, row["ratio"], row["low"], row["high"], together=heavy[place]) for place, row in enumerate(shown)
    ]
    label = f"heads of {reference if len(reference) <= 16 else 'the reference'} / of the other"
    panel = Panel(label, marks, line=1.0, logarithmic=True)
    caption = (
        f"How many times more heads {axis} {reference} needs than each other level, in every combination of the other axes "
        f"({plural(heavy.count(False), 'combination')}); right of 1: the other level needs fewer. "
        "Intervals: resamples of both runs, independent of each other; red diamonds: the geometric mean."
    )
    return drawn(names, [panel], f"Ratios to {reference}", caption, heavy)


def _effect_words(cells: Sequence[Cell[Found]]) -> str:
    searched = all(point.heads is not None for cell in cells for point in cell.points)
    return "effect of all key→query edges" if searched else "clean minus corrupted metric"
