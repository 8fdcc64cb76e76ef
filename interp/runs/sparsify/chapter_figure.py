"""Density against loss of many trainings in one frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd

from interp.figures import style
from interp.figures.base import Drawn, new_figure
from interp.figures.fonts import drawable, rc
from interp.figures.forest import look, told_apart
from interp.figures.marks import Marks
from interp.runs.sparsify.figures import percent_ticks

NAMED = 12
"""Points that are named in the figure; of more, the table has the names."""


@dataclass(frozen=True)
class Trained:
    """A training: its point's name, its level on the coloured axis, frontier.csv, and the length of its texts."""

    name: str
    level: str
    stages: pd.DataFrame
    tokens: int


def density_against_loss(trained: Sequence[Trained], axis: str | None) -> Drawn:
    """A line a training, through its stages to its last checkpoint; open keys a query where lengths of texts differ."""
    levels = list(dict.fromkeys(training.level for training in trained))
    several = len({training.tokens for training in trained}) > 1
    column, scale = ("keys_a_query", 1.0) if several else ("density", 100.0)
    shown = pd.concat(
        [
            training.stages.assign(point=training.name, level=training.level, tokens=training.tokens)
            for training in trained
        ],
        ignore_index=True,
    )
    with mpl.rc_context(rc([*levels, *(training.name for training in trained)])):
        figure = new_figure(style.PAGE * 0.8, 3.4 + 0.15 * (len(levels) // 3 if len(levels) > 1 else 0))
        axes = figure.add_subplot()
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        for training in trained:
            colour, marker = look(levels.index(training.level) + (len(levels) == 1))
            path = training.stages[training.stages[column] > 0]
            if path.empty:  # nothing is open: no place on a logarithmic axis
                continue
            x, y = scale * path[column].to_numpy(dtype=float), path["above_dense"].to_numpy(dtype=float)
            axes.plot(x, y, color=colour, linewidth=0.7, alpha=0.6, marker=".", markersize=3)
            ends = [[y[-1] - path["above_low"].iloc[-1]], [path["above_high"].iloc[-1] - y[-1]]]
            axes.errorbar(
                x[-1], y[-1], yerr=np.maximum(ends, 0), color=colour, marker=marker, markersize=4.5, capsize=2
            )
            if len(trained) <= NAMED:
                axes.annotate(
                    drawable(training.name),
                    (x[-1], y[-1]),
                    (4, 4),
                    textcoords="offset points",
                    fontsize=6.5,
                    color=colour,
                )
        axes.set_xscale("log")
        values = scale * shown.loc[shown[column] > 0, column].to_numpy(dtype=float)
        if len(values):
            percent_ticks(axes.xaxis, values)
            axes.set_xlim(values.min() / 1.15, values.max() * (1.45 if len(trained) <= NAMED else 1.15))
        axes.set(
            xlabel="open keys a query" if several else f"open causal edges, % (texts of {trained[0].tokens} tokens)",
            ylabel="loss above dense, nats a token",
        )
        if len(levels) > 1:
            lines = [
                mpl.lines.Line2D([], [], color=look(number)[0], marker=look(number)[1], markersize=4.5)
                for number in range(len(levels))
            ]
            named = [drawable(level) for level in told_apart(levels)]
            axes.legend(lines, named, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
    caption = (
        ("Open keys a query" if several else "Share of open causal edges")
        + " against the loss above the dense model's on held-out text (lower left is better): a line a training, its small "
        "points the ends of earlier stages, its mark the last checkpoint with a 95 % interval over sequences."
        + (f" Colours: {axis}." if len(levels) > 1 else "")
    )
    points = shown[shown[column] > 0]
    marks = [Marks(axes, points, scale * points[column], "above_dense")]
    return Drawn(figure, shown, "Density against loss", caption, marks)
