"""Figure `layer_curve`: one number a layer, as a line with its band."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from interp.analysis.shapes import Shape, panels
from interp.configs.lazy import lazy
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.fit import short, whole_numbers, wrap
from interp.figures.marks import Marks
from interp.results.tables import RunTables
from interp.words.phrases import basis_text, metric_text, unit

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.PURPLE, style.RED, style.GREY)


@figures.register
class LayerCurve(Figure):
    """Mean effects by layer with their intervals, one line a part or token group."""

    fits: ClassVar[frozenset[Shape]] = frozenset({"layer curve"})
    prefers: ClassVar[tuple[str, ...]] = ("logit_lens",)
    kind: Literal["layer_curve"] = "layer_curve"
    most: int = Field(default=6, ge=1, le=6, description="Lines at most; those with the largest effects are drawn.")

    def draw(self, tables: RunTables) -> Drawn:
        """Draw every part of a probe's table that has one row a layer."""
        label = self.label(tables)
        curves = panels(tables.summary_of(label), "layer curve")
        largest = sorted(curves, key=lambda panel: -float(panel.rows["mean"].abs().max()))[: self.most]
        shown = [panel for panel in curves if any(panel is other for other in largest)]
        figure = new_figure(style.COLUMN, 2.2)
        axes = figure.add_subplot()
        for panel, colour in zip(shown, COLOURS, strict=False):
            rows = panel.rows.sort_values("layer")
            layer = rows["layer"].to_numpy(int)
            axes.fill_between(layer, rows["ci_low"], rows["ci_high"], color=colour, alpha=0.2, linewidth=0)
            axes.plot(layer, rows["mean"], color=colour, marker="o", markersize=2, label=short(panel.title, 24))
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        whole_numbers(axes.xaxis)
        words = "\n".join(wrap(f"{metric_text(tables)} ({unit(tables)})", 1.7, 7.5))
        axes.set(xlabel="layer", ylabel=words)
        if len(shown) > 1:
            figure.legend(loc="outside upper center", ncols=2)
        left_out = f" The {len(shown)} largest of {len(curves)} lines are shown." if len(shown) < len(curves) else ""
        caption = f"Mean effect of {label} by layer; bands: intervals.{left_out} {basis_text(tables, label)}"
        columns = ["part", "group", "layer", "mean", "ci_low", "ci_high", "n", "n_pairs"]
        data = pd.concat([panel.rows for panel in shown])[columns]
        marks = [Marks(axes, panel.rows[columns], "layer", "mean") for panel in shown]
        return Drawn(figure, data, f"{label}: effect by layer", self.caption or caption, marks)
