"""Figure `head_heatmap`: one number a head, layer by head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.errors import UserError
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.fit import number_ticks, wrap
from interp.figures.words import basis_text, metric_text, unit
from interp.lazy import lazy
from interp.results.tables import RunTables

if TYPE_CHECKING:
    import matplotlib.patches as patches
    import pandas as pd
    import seaborn as sns
else:
    patches = lazy("matplotlib.patches")
    pd = lazy("pandas")
    sns = lazy("seaborn")


KINDS = (
    *("key_query_heads", "head_ablation", "activation_patching", "direct_logit_attribution"),
    *("attribution_patching", "edge_patching"),
)


@figures.register
class HeadHeatmap(Figure):
    """Layer-by-head heatmap of mean effects; dots mark intervals that exclude 0, frames the largest heads."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": KINDS}
    kind: Literal["head_heatmap"] = "head_heatmap"
    parts: tuple[str, ...] | None = Field(default=None, description="Parts of the probe's table; null: all with heads.")
    top_k: int = Field(default=5, ge=0, le=1_000, description="How many of the largest cells get a frame.")

    def draw(self, tables: RunTables) -> Drawn:
        """One panel a part of the probe's table."""
        label = self.label(tables)
        rows = tables.summary_of(label)
        rows = rows[rows["head"].notna() & rows["layer"].notna()]
        parts = list(self.parts or rows["part"].unique())
        absent = set(parts) - set(rows["part"])
        if absent or rows.empty:
            have = ", ".join(rows["part"].unique()) or "none"
            raise UserError(f"figure {self.kind}: probe {label!r} has no heads in part {sorted(absent)}; it has {have}")
        panels = [rows[rows["part"] == part] for part in parts]
        limit = max(float(panel["mean"].abs().max()) for panel in panels) or 1.0
        n_layers = tables.metrics["run"]["model"]["n_layers"]
        width, height = (
            min(style.PAGE, max(style.COLUMN, 1.75 * len(panels) + 0.9)),
            min(max(2.9, 1.0 + 0.115 * n_layers), style.TALL),
        )
        figure = new_figure(width, height)
        inches = ((width - 1.0) / len(panels) - 0.1, height - 0.8)
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, part, panel in zip(grid, parts, panels, strict=True):
            self._panel(axes, panel, limit, n_layers, inches)
            axes.set(xlabel="head", ylabel="layer" if axes is grid[0] else "", title=part if len(parts) > 1 else "")
        bar = figure.colorbar(grid[-1].collections[0], ax=list(grid), shrink=0.7, aspect=30, pad=0.02)
        bar.set_label("\n".join(wrap(f"change in {metric_text(tables)} ({unit(tables)})", 0.9 * height, 7.5)))
        caption = (
            f"Mean effect of {label} by layer and head (value minus the unedited run, in {unit(tables)}). Dots: the interval "
            f"excludes 0; frames: the {self.top_k} largest. {basis_text(tables, label)}"
        )
        columns = ["part", "layer", "head", "mean", "ci_low", "ci_high", "n", "n_pairs"]
        return Drawn(figure, pd.concat(panels)[columns], f"{label}: effect by head", self.caption or caption)

    def _panel(self, axes: Any, panel: pd.DataFrame, limit: float, n_layers: int, inches: tuple[float, float]) -> None:
        layer, head = (panel[name].astype(int).to_numpy() for name in ("layer", "head"))
        values = np.full((n_layers, head.max() + 1), np.nan)
        values[layer, head] = panel["mean"]
        sns.heatmap(
            values,
            ax=axes,
            cmap=style.DIVERGING,
            vmin=-limit,
            vmax=limit,
            cbar=False,
            linewidths=0.3,
            linecolor="white",
        )
        axes.invert_yaxis()
        sure = ((panel["ci_low"] > 0) | (panel["ci_high"] < 0)).to_numpy()
        dark = np.abs(values[layer, head]) > 0.6 * limit
        for shade, colour in ((True, "white"), (False, "black")):
            mark = sure & (dark == shade)
            axes.scatter(head[mark] + 0.5, layer[mark] + 0.5, s=1.6, color=colour, linewidths=0)
        for row in np.argsort(-np.abs(panel["mean"].to_numpy()))[: self.top_k]:
            axes.add_patch(
                patches.Rectangle((head[row], layer[row]), 1, 1, fill=False, edgecolor="black", linewidth=0.9)
            )
        number_ticks(axes.yaxis, n_layers, inches[1])
        number_ticks(axes.xaxis, values.shape[1], inches[0])
        axes.tick_params(length=0, labelrotation=0)
