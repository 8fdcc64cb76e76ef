"""The frontier at several lengths of text: what a length makes of the gates, trained and untrained."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd

from interp.figures import style
from interp.figures.base import Drawn, new_figure
from interp.figures.marks import Marks
from interp.runs.sparsify.tables import TrainingTables
from interp.words.numbers import fixed
from interp.words.phrases import tenth

GATES = (("score", style.GREY, "s"), ("weight", style.GREEN, "^"))
LEAST_SHOWN = 0.25
"""Of the open edges of an untrained gate: sparser ones cost several nats, and would press the rest flat."""


def frontier_by_length(tables: TrainingTables) -> Drawn:
    """Open keys a query against loss, a panel a length: the last checkpoint beside both gates without training."""
    trained = tables.lengths.sort_values("length")
    lengths, marks = trained["length"].astype(int).tolist(), []
    with mpl.rc_context(style.STYLE):
        figure = new_figure(min(style.PAGE, max(style.COLUMN, 0.6 + 2.1 * len(lengths))), 2.5)
        for axes, length in zip(figure.subplots(1, len(lengths), sharey=True, squeeze=False)[0], lengths, strict=True):
            untrained = tables.baseline[tables.baseline["length"] == length]
            # Without untrained gates there is no such column.
            keys: list[float] = untrained["keys_a_query"].tolist() if len(untrained) else []
            for kind, colour, marker in GATES:
                mine = untrained[untrained["gate"] == kind].sort_values("density")
                if len(mine):
                    look = {"color": colour, "marker": marker, "markersize": 3}
                    axes.plot(mine["keys_a_query"], mine["above_dense"], label=f"{kind} gate, no training", **look)
            (row,) = trained[trained["length"] == length].to_dict("records")
            above = row["above_dense"]
            axes.errorbar(
                [row["keys_a_query"]],
                [above],
                yerr=[[above - row["above_low"]], [row["above_high"] - above]],
                color=style.BLUE,
                marker="o",
                markersize=4,
                linestyle="none",
                elinewidth=1,
                capsize=2,
                label="trained",
            )
            both = (trained[trained["length"] == length], untrained)
            marks += [Marks(axes, rows, "keys_a_query", "above_dense") for rows in both if len(rows)]
            axes.axhline(0, color=style.GREY, linewidth=0.5)
            axes.set_title(
                f"{length} tokens\n{tenth(row['density'])} open, {fixed(row['keys_a_query'], 1)} keys a query"
            )
            axes.set(xscale="log", xlabel="open keys a query")
            _ticks(axes.xaxis, [row["keys_a_query"], *keys])
        figure.axes[0].set(ylabel="loss above dense, nats a token", ylim=_range(trained, tables.baseline))
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    caption = (
        "Open edges of a head, a query (logarithmic), against the loss above the dense model's, on held-out text of several "
        "lengths; lower left is better. Blue: the last checkpoint, with 95 % intervals over sequences; grey and green: the "
        "dense weights under either gate alone, a point a bias (points above the axis are cut off)."
    )
    data = pd.concat([trained.assign(model="trained"), tables.baseline.assign(model="gate alone")], ignore_index=True)
    return Drawn(figure, data, "Density against loss, by length", caption, marks)


def _range(trained: pd.DataFrame, untrained: pd.DataFrame) -> tuple[float, float]:
    shown = [*trained["above_high"], *trained["above_dense"], *trained["above_low"]]
    shown += [*untrained["above_dense"][untrained["density"] > LEAST_SHOWN]]
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    return min(0.0, low) - 0.02, 1.25 * max(high, 0.1) + 0.02


def _ticks(axis: mpl.axis.Axis, values: list[float]) -> None:
    low, high = min(values), max(values)
    ticks = [digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5)]
    ticks = [tick for tick in ticks if 0.8 * low <= tick <= 1.25 * high]
    every = 1 + len(ticks) // 6
    axis.set_ticks(ticks[::every], [f"{tick:g}" for tick in ticks[::every]])
    axis.set_minor_locator(mpl.ticker.NullLocator())
