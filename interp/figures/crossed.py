"""A number over two axes, as a heatmap with the numbers in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from interp.configs.lazy import lazy
from interp.figures import style
from interp.figures.base import Drawn, new_figure
from interp.figures.fit import TICK, width
from interp.figures.fonts import drawable, rc
from interp.figures.forest import told_apart
from interp.figures.marks import Marks
from interp.words.numbers import fixed

if TYPE_CHECKING:
    import matplotlib as mpl
    import pandas as pd
else:
    mpl = lazy("matplotlib")
    pd = lazy("pandas")

MOST_DOWN, MOST_ACROSS = 60, 30


def crossed(values: Sequence[tuple[Mapping[str, str], float | None]], across: str, down: str, what: str) -> Drawn:
    """`values`: levels by axis, and a number; the mean of those in one place is shown, a dash where there is none."""
    placed = [(labels[down], labels[across], value) for labels, value in values if down in labels and across in labels]
    rows = list(dict.fromkeys(row for row, _, _ in placed))[:MOST_DOWN]
    columns = list(dict.fromkeys(column for _, column, _ in placed))[:MOST_ACROSS]
    cells: dict[tuple[str, str], list[float]] = {}
    for row, column, value in placed:
        cells.setdefault((row, column), []).extend([] if value is None else [float(value)])
    image = np.array([[_mean(cells.get((row, column), [])) for column in columns] for row in rows])
    known = image[np.isfinite(image)]
    # From 0, so that a shade is a size and no small difference fills the whole scale.
    least, most = min(0.0, float(known.min(initial=0.0))), float(known.max(initial=0.0))
    with mpl.rc_context(rc([*rows, *columns])):
        tall = min(style.TALL, 1.1 + 0.26 * len(rows) + max(width(label, TICK) for label in told_apart(columns)) * 0.75)
        figure = new_figure(min(style.PAGE, max(style.COLUMN, 1.6 + 0.42 * len(columns))), tall)
        axes = figure.add_subplot()
        shown = axes.imshow(np.ma.masked_invalid(image), cmap=style.WEIGHTS, aspect="auto", vmin=least)
        names = [drawable(label) for label in told_apart(columns)]
        axes.set_xticks(range(len(columns)), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(rows)), [drawable(label) for label in told_apart(rows)])
        axes.set(xlabel=drawable(across.rsplit(".", 1)[-1]), ylabel=drawable(down.rsplit(".", 1)[-1]))
        if len(columns) <= 12 and len(rows) <= 30:
            for place, line in enumerate(image.tolist()):
                for at, number in enumerate(line):
                    ink = "white" if number > (least + most) / 2 else "black"
                    text = fixed(number, 1).removesuffix(".0")
                    axes.text(at, place, text, ha="center", va="center", color=ink, fontsize=TICK)
        figure.colorbar(shown, ax=axes, label=what)
    data = pd.DataFrame(
        [
            {down: row, across: column, "value": image[place, number], "points": len(cells.get((row, column), []))}
            for place, row in enumerate(rows)
            for number, column in enumerate(columns)
        ]
    )
    x, y = np.tile(np.arange(len(columns)), len(rows)), np.repeat(np.arange(len(rows)), len(columns))
    marks = [Marks(axes, data, x, y, cell=True)]
    title = f"{what.capitalize()} by {down} and {across}"
    return Drawn(figure, data, title, f"Mean {what} over {down} and {across}.", marks)


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan
