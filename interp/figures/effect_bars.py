"""Figure `effect_bars`: the strongest heads with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.fit import SPACING, TICK, labelled
from interp.figures.words import ablation_text, basis_text, metric_text, unit
from interp.lazy import lazy
from interp.results.tables import RunTables

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


@figures.register
class EffectBars(Figure):
    """The heads with the largest key->query effects, with intervals and the word pairs behind them."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("key_query_heads",)}
    kind: Literal["effect_bars"] = "effect_bars"
    top_k: int = Field(default=20, ge=1, le=1_000)

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from a key_query_heads probe: what the metric loses when each edge is cut alone."""
        label = self.label(tables)
        found = tables.metrics["probes"][label]
        heads = found["ranking"][: self.top_k]
        effects = tables.probe(label)
        effects = effects[effects["part"] == "single"]
        figure = new_figure(style.COLUMN, min(0.75 + 0.145 * len(heads), style.TALL))
        axes = figure.add_subplot()
        for place, head in enumerate(heads):
            mine = effects[(effects["layer"] == head["layer"]) & (effects["head"] == head["head"])]
            pairs = -mine.groupby("pair")["effect"].mean().to_numpy()
            axes.scatter(pairs, np.full(len(pairs), place), s=4, color=style.GREY, alpha=0.35, linewidths=0)
            carried = head["carried"]
            colour = style.BLUE if carried["mean"] > 0 else style.ORANGE
            if carried["low"] is not None:
                axes.plot([carried["low"], carried["high"]], [place, place], color=colour, linewidth=2.2)
            axes.plot(
                carried["mean"], place, "o", color=colour, markersize=3.5, markeredgecolor="white", markeredgewidth=0.5
            )
        axes.axvline(0, color="black", linewidth=0.6)
        rows = labelled(len(heads), (style.TALL - 0.75) / len(heads), SPACING * TICK / 72)
        axes.set_yticks(rows, [heads[row]["label"] for row in rows])
        axes.set_ylim(len(heads) - 0.5, -0.5)
        axes.set_xlabel(f"{unit(tables)} lost when the edge is cut")
        data = pd.DataFrame([{"head": head["label"], **head["carried"]} for head in heads])
        caption = (
            f"The {len(heads)} heads with the largest key→query effects: loss in {metric_text(tables)} when that head's edge "
            f"alone is {ablation_text(found)}. Blue: carries the answer; orange: works against it. Bars: intervals; grey: "
            f"means of single word pairs. {basis_text(tables, label)}"
        )
        return Drawn(figure, data, "The strongest heads", self.caption or caption)
