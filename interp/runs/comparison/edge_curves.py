"""The edge circuits of the models in one frame: what is kept by the best n edges, and what is lost without them."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd

from interp.analysis.circuits import Direction
from interp.analysis.findings_of_edges import EdgeFindings
from interp.figures import style
from interp.figures.base import Drawn, frame, new_figure, probe_label
from interp.results.tables import RunTables
from interp.runs.comparison.figures import basis, coloured, named
from interp.words.numbers import fixed
from interp.words.phrases import percent

LINES: dict[Direction, str] = {"sufficient": "-", "necessary": "--"}


def edge_curves(arms: dict[str, RunTables]) -> Drawn:
    """Both directions of every model on a logarithmic axis, with the explained share and the edges it takes."""
    pieces = []
    with mpl.rc_context(style.STYLE):
        figure = new_figure(style.COLUMN, 2.7)
        axes = figure.add_subplot()
        for label, _, colour in coloured(arms):
            tables = arms[label]
            search = tables.findings(probe_label(tables, None, ("attention_edges",), "edge_curves"), EdgeFindings)
            target = f"{search.explained:g}"
            for direction, line in LINES.items():
                curve = frame(search.curves.of(direction))
                needed = search.needed.of(direction)[target].edges
                words = f"{label}, {direction}: {'never' if needed is None else fixed(needed, 0)}"
                if direction == "sufficient":
                    axes.fill_between(curve["n"], curve["low"], curve["high"], color=colour, alpha=0.2, linewidth=0)
                axes.plot(curve["n"], curve["share"], color=colour, linestyle=line, linewidth=1.0, label=words)
                pieces.append(curve.assign(model=label, direction=direction))
        axes.axhline(search.explained, color=style.RED, linewidth=0.8, linestyle=":")
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        last = max(float(piece["n"].iloc[-1]) for piece in pieces)
        axes.set_xscale("symlog", linthresh=1, linscale=0.3)
        ticks = [tick for tick in (0, 1, 10, 100, 1000, 10000) if tick < 0.6 * last] + [int(last)]
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        axes.set(xlabel="attention edges (best first)", ylabel="share of all edges' effect", xlim=(0, last))
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=1, title=f"edges for {percent(search.explained)}"
        )
    first = next(iter(arms.values()))
    caption = (
        f"Share of what all attention edges do to the metric, {named(arms)}. Solid: the best n edges keep "
        "their own value, all others have that of the corrupted run (sufficient). Dashed: what is lost when the best n alone are "
        "replaced (necessary). Edges were ranked on one half of the word pairs and run on the other; dotted: the share "
        f"whose number of edges is read off the interpolated curve. {basis(first, 'attention_edges')}"
    )
    return Drawn(figure, pd.concat(pieces, ignore_index=True), "Edges needed", caption)
