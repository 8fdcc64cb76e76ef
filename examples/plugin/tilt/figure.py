"""Figure `strongest_layer`: the largest effect of every layer, of any probe whose table is layer by head."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from interp.figures import Drawn, Figure, figures
from interp.figures.base import new_figure
from interp.words.phrases import basis_text, unit

if TYPE_CHECKING:
    from interp.results.tables import RunTables


@figures.register
class StrongestLayer(Figure):
    """A bar a layer: the largest mean effect of its heads."""

    fits: ClassVar[frozenset[str]] = frozenset({"layer x head"})
    kind: Literal["strongest_layer"] = "strongest_layer"

    def draw(self, tables: RunTables) -> Drawn:
        """From the summary alone; no model."""
        label = self.label(tables)
        rows = tables.summary_of(label).dropna(subset=["layer", "head"])
        best = rows.loc[rows.groupby("layer")["mean"].apply(lambda effects: effects.abs().idxmax())]
        figure = new_figure(3.35, 2.2)
        axes = figure.add_subplot()
        axes.bar(best["layer"].astype(int).astype(str), best["mean"])
        axes.set(xlabel="layer", ylabel=f"largest effect ({unit(tables)})")
        caption = f"The largest mean effect of {label} in every layer. {basis_text(tables, label)}"
        data = best[["layer", "head", "mean", "ci_low", "ci_high"]]
        return Drawn(figure, data, f"{label}: the strongest head of every layer", self.caption or caption)
