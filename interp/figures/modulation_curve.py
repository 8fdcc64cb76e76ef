"""Figure `modulation_curve`: the share that the selected heads have carried below each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from interp.analysis.findings import LayerModulationFindings
from interp.configs.lazy import lazy
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, frame, new_figure
from interp.figures.fit import whole_numbers
from interp.figures.marks import Marks
from interp.results.tables import RunTables
from interp.words.phrases import basis_text, percent, plural

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


@figures.register
class ModulationCurve(Figure):
    """Modulation by layer: the share of the key->query effect that the selected heads carry in blocks below a layer."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("layer_modulation",)}
    kind: Literal["modulation_curve"] = "modulation_curve"

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from a layer_modulation probe."""
        label = self.label(tables)
        modulation = tables.findings(label, LayerModulationFindings)
        curve = frame(modulation.curve)
        end, last = modulation.final, int(curve["layer"].iloc[-1])
        figure = new_figure(style.COLUMN, 2.3)
        axes = figure.add_subplot()
        axes.fill_between(curve["layer"], curve["low"], curve["high"], color=style.BLUE, alpha=0.2, linewidth=0)
        axes.plot(curve["layer"], curve["share"], color=style.BLUE, marker="o", markersize=2)
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        axes.axhline(modulation.target, color=style.RED, linewidth=0.8, linestyle="--")
        axes.text(
            0, modulation.target + 0.01, f"target {percent(modulation.target)}", color=style.RED, va="bottom", ha="left"
        )
        height = end.mean or 0.0
        axes.annotate(
            percent(end.mean),
            (last, height),
            (-4, 6),
            textcoords="offset points",
            ha="right",
            va="bottom",
            color=style.BLUE,
            fontweight="bold",
        )
        whole_numbers(axes.xaxis)
        axes.set(xlabel=f"layer ({last} = output)", ylabel="share carried below")
        axes.set_ylim(top=max(1.0, float(curve["high"].max(skipna=True) or 1), height) * 1.12)
        axes.set_xlim(-0.3, last + 0.3)
        caption = (
            f"Modulation by layer: share of the key→query effect carried by {plural(len(modulation.heads), 'selected head')} "
            f"({modulation.definition} definition, target {percent(modulation.target)}) in blocks below the layer; all other "
            f"key→query edges are cut. {basis_text(tables, label)}"
        )
        title = f"Modulation by layer: {percent(end.mean)} at layer {last}"
        return Drawn(figure, curve, title, self.caption or caption, [Marks(axes, curve, "layer", "share")])
