"""Quantities of many runs, drawn and listed: a forest plot, a table of cells, a number as text.

Points of a cell that repeat each other are told by their mean; from three points on with a t interval over them (of other
repetitions, as far as these are independent of each other), and always with their spread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from interp.analysis.quantities import Quantity
from interp.configs.lazy import lazy
from interp.figures.base import Drawn
from interp.figures.forest import Mark, Panel, drawn
from interp.report.story import TableBlock
from interp.runs.chapter import (
    MOST_LINES,
    MOST_ROWS,
    Cell,
    Point,
    axis_words,
    cut_note,
    records,
    rows_of,
    singles_too,
)
from interp.words.numbers import NONE, around, bracket, fixed
from interp.words.phrases import tenth

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

FEWEST = 3
"""Points that an interval over points needs."""
LEAST_DRAWN = 1e-6


@dataclass(frozen=True)
class Shown:
    """Quantities of one unit, as they are drawn and listed: `names` are those of `metrics`, by level (`dense`, `sparse`)."""

    words: str
    names: dict[str, str]
    percent: bool = False
    signed: bool = False
    bounds: tuple[float, float] | None = None
    """What an interval over points is cut off at."""
    line: float | None = None
    logarithmic: bool = False

    def text(self, value: float | None, low: float | None = None, high: float | None = None) -> str:
        """The number with its interval."""
        if self.percent:
            return tenth(value) + bracket(low, high, tenth)
        if self.signed:
            return fixed(value, 3, signed=True) + bracket(low, high, lambda end: fixed(end, 3, signed=True))
        return around(value, low, high)

    def of(self, quantity: Quantity) -> str:
        """A quantity of one point."""
        return NONE if quantity.value is None else self.text(quantity.value, quantity.low, quantity.high)


def together(
    values: Sequence[float | None], bounds: tuple[float, float] | None = None, confidence: float = 0.95
) -> dict[str, float | int | None]:
    """Mean, t interval over points (from three on that differ), standard deviation and range of those that have a value."""
    known = np.array([value for value in values if value is not None and math.isfinite(value)], dtype=float)
    if not len(known):
        return {"points": 0, **dict.fromkeys(("mean", "low", "high", "sd", "least", "most"))}
    mean, sd = float(known.mean()), float(known.std(ddof=1)) if len(known) > 1 else None
    half, (least, most) = None, bounds or (-math.inf, math.inf)
    if sd and len(known) >= FEWEST:
        half = float(stats.t.ppf((1 + confidence) / 2, len(known) - 1)) * sd / math.sqrt(len(known))
    return {
        "points": len(known),
        "mean": mean,
        "low": None if half is None else max(mean - half, least),
        "high": None if half is None else min(mean + half, most),
        "sd": sd,
        "least": float(known.min()),
        "most": float(known.max()),
    }


def summary_table(cells: Sequence[Cell[Point]], shown: Sequence[Shown]) -> pd.DataFrame:
    """One row a cell and quantity: how many points, their mean, interval over points, spread and range."""
    rows = []
    for cell in cells:
        for group in shown:
            for name in group.names.values():
                quantities = [point.quantity(name) for point in cell.points]
                told = together([each.value for each in quantities], group.bounds)
                if len(quantities) == 1:  # its own interval
                    told |= {"low": quantities[0].low, "high": quantities[0].high}
                rows.append({**cell.levels, "quantity": name, **told})
    return pd.DataFrame(rows)


def summary_block(cells: Sequence[Cell[Point]], shown: Sequence[Shown], summary: pd.DataFrame) -> TableBlock:
    """The same as a table of the page: a row a cell, a column a quantity."""
    axes = list(dict.fromkeys(axis for cell in cells for axis in cell.levels))
    each = [(group, level) for group in shown for level in group.names]
    rows = []
    told = iter(records(summary))
    for cell in cells:
        values = [next(told) for _ in each]
        rows.append(
            [
                *(cell.levels.get(axis, "") for axis in axes),
                str(len(cell.points)),
                *(_cell(group, row, len(cell.points)) for (group, _), row in zip(each, values, strict=True)),
            ]
        )
    repeated = any(len(cell.points) > 1 for cell in cells)
    note = (
        f"Of several points: their mean, from {FEWEST} points on with a t interval over them, and their range in brackets of "
        "their own; of one point: its own interval."
    )
    return TableBlock(
        title="Cells of the grid",
        columns=[
            *axis_words(axes).values(),
            "points",
            *(f"{group.words}, {level}" if level else group.words for group, level in each),
        ],
        rows=rows[:MOST_LINES],
        note=(note if repeated else "Intervals are those of the single points.") + cut_note(len(rows)),
    )


def forest_of(cells: Sequence[Cell[Point]], shown: Sequence[Shown], title: str) -> Drawn:
    """A panel a quantity; every point, and the means of cells whose points repeat each other."""
    rows = rows_of(cells)
    names, heavy = [label for label, _, _ in rows], [point is None for _, _, point in rows]
    levels = list(dict.fromkeys(level for group in shown for level in group.names))
    panels = [_panel(group, rows, levels if len(levels) > 1 else []) for group in shown]
    caption = (
        "Every point with its own interval"
        + (
            f"; bold, diamonds: the mean of the points that repeat each other, from {FEWEST} points on with a t interval over them."
            if any(heavy)
            else "."
        )
        + ("" if singles_too(cells) else f" Single points are left out, because there are more than {MOST_ROWS} rows.")
    )
    shown_levels = levels if len(levels) > 1 else []
    return drawn(names, panels, title, caption, heavy, shown_levels)


def _panel(group: Shown, rows: Sequence[tuple[str, Cell[Point], Point | None]], levels: Sequence[str]) -> Panel:
    scale = 100.0 if group.percent else 1.0
    marks = []
    for place, (_, cell, point) in enumerate(rows):
        for level, name in group.names.items():
            colour = levels.index(level) if levels else None
            if point is None:
                told = together([each.quantity(name).value for each in cell.points], group.bounds)
                value, low, high = (told[end] for end in ("mean", "low", "high"))
            else:
                quantity = point.quantity(name)
                value, low, high = quantity.value, quantity.low, quantity.high
            if value is None or (group.logarithmic and value < LEAST_DRAWN):
                continue
            ends = [None if end is None else scale * end for end in (low, high)]
            marks.append(Mark(place, scale * value, ends[0], ends[1], colour, point is None))
    label = f"{group.words}, %" if group.percent else group.words
    return Panel(label, marks, group.line, group.logarithmic)


def _cell(group: Shown, row: Mapping[str, Any], points: int) -> str:
    if row["mean"] is None:
        return NONE
    text = group.text(row["mean"], row["low"], row["high"])
    if points == 1:
        return text
    missing = f"; {row['points']} of {points} points" if row["points"] < points else ""
    return f"{text} ({group.text(row['least'])} to {group.text(row['most'])}{missing})"
