"""Figure `attribution_scatter`: the gradient estimate against the exact effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from interp.analysis.findings import AttributionFindings
from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.marks import Marks
from interp.results.tables import RunTables
from interp.words.numbers import fixed
from interp.words.phrases import basis_text, unit

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


CELLS = ["part", "base", "source", "site", "layer", "head", "query_label", "key_label", "group"]


@figures.register
class AttributionScatter(Figure):
    """Estimated against exact mean effect of every variant, with the identity line and the correlations."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("attribution_patching",)}
    kind: Literal["attribution_scatter"] = "attribution_scatter"

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from an attribution_patching probe and the probe that it estimates."""
        label = self.label(tables)
        estimate = tables.findings(label, AttributionFindings)
        both = tables.summary_of(label).merge(
            tables.summary_of(estimate.of), on=CELLS, suffixes=("_estimated", "_exact")
        )
        if both.empty:
            raise UserError(f"figure {self.kind}: probes {label!r} and {estimate.of!r} share no variants")
        figure = new_figure(style.COLUMN, 2.7)
        axes = figure.add_subplot()
        limit = 1.08 * float(both[["mean_exact", "mean_estimated"]].abs().max().max()) or 1.0
        axes.plot([-limit, limit], [-limit, limit], color=style.GREY, linewidth=0.6, linestyle="--")
        axes.scatter(both["mean_exact"], both["mean_estimated"], s=7, color=style.BLUE, alpha=0.6, linewidths=0)
        axes.axhline(0, color=style.GREY, linewidth=0.4)
        axes.axvline(0, color=style.GREY, linewidth=0.4)
        _label_largest(axes, both[both[["layer", "head"]].notna().all(axis=1)], limit)
        axes.set(
            xlabel=f"exact effect ({unit(tables)})",
            ylabel=f"estimated effect ({unit(tables)})",
            xlim=(-limit, limit),
            ylim=(-limit, limit),
        )
        if estimate.pearson is not None:
            words = f"Pearson r = {fixed(estimate.pearson, 2)}\nSpearman ρ = {fixed(estimate.spearman, 2)}"
            axes.text(0.03, 0.97, words, transform=axes.transAxes, va="top", ha="left", fontsize=6.5, bbox=style.PAPER)
        caption = (
            f"Gradient estimate (attribution patching, one backward pass) against the exact effect of the {len(both):,} "
            f"variants of {estimate.of}. Dashed: equal. {basis_text(tables, label)}"
        )
        data = both[[*CELLS, "mean_exact", "mean_estimated"]]
        marks = [Marks(axes, data, "mean_exact", "mean_estimated")]
        return Drawn(figure, data, "Estimate against exact effect", self.caption or caption, marks)


def _label_largest(axes: Any, rows: pd.DataFrame, limit: float, count: int = 4) -> None:
    """Names of the largest points, in a column in the empty corner below the diagonal, with leaders."""
    largest = rows.loc[rows["mean_exact"].abs().sort_values(ascending=False).index[:count]].sort_values(
        "mean_estimated"
    )
    for place, head in enumerate(largest.itertuples()):
        spot = (0.45 * limit, limit * (-0.88 + 0.16 * place))
        axes.annotate(
            f"L{head.layer}-H{head.head}",
            *((head.mean_exact, head.mean_estimated), spot),
            **{"va": "center", "ha": "left", "fontsize": 6.5, "bbox": style.PAPER},
            arrowprops={"arrowstyle": "-", "color": style.GREY, "linewidth": 0.4, "shrinkA": 1, "shrinkB": 2},
        )
