"""Figure `logit_lens_curve`: the metric read from the residual stream, layer by layer."""

from __future__ import annotations

from typing import ClassVar, Literal

from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.fit import whole_numbers
from interp.figures.marks import Marks
from interp.results.tables import RunTables
from interp.words.phrases import basis_text, metric_text, unit


@figures.register
class LogitLensCurve(Figure):
    """The metric read before every block and at the output, with its band."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("logit_lens",)}
    kind: Literal["logit_lens_curve"] = "logit_lens_curve"

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from a logit_lens probe."""
        label = self.label(tables)
        rows = tables.summary_of(label).sort_values("layer")
        layer = rows["layer"].astype(int)
        figure = new_figure(style.COLUMN, 2.2)
        axes = figure.add_subplot()
        axes.fill_between(layer, rows["value_ci_low"], rows["value_ci_high"], color=style.BLUE, alpha=0.2, linewidth=0)
        axes.plot(layer, rows["value_mean"], color=style.BLUE, marker="o", markersize=2)
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        whole_numbers(axes.xaxis)
        axes.set(
            xlabel=f"layer ({layer.iloc[-1]} = output)",
            ylabel=f"{metric_text(tables).split(' of ')[0]} ({unit(tables)})",
        )
        caption = (
            "Logit lens: the metric read from the residual stream at the query position before every block, through the "
            f"final normalisation and the unembedding, on the clean run. {basis_text(tables, label)}"
        )
        data = rows[["layer", "value_mean", "value_ci_low", "value_ci_high", "n", "n_pairs"]]
        marks = [Marks(axes, data, "layer", "value_mean")]
        return Drawn(figure, data, "When the answer becomes readable", self.caption or caption, marks)
