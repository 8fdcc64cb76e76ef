"""Figure `position_heatmap`: patching by layer and token position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.errors import UserError
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.fit import number_ticks, token_ticks, wrap
from interp.figures.sentence import focus_window, key_and_query, token_labels
from interp.figures.words import basis_text
from interp.lazy import lazy
from interp.results.tables import RunTables

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


@figures.register
class PositionHeatmap(Figure):
    """Layer-by-position heatmap of activation patching, tokens as columns; denoise and noise below each other."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("activation_patching",)}
    kind: Literal["position_heatmap"] = "position_heatmap"
    sites: tuple[str, ...] = Field(default=("resid_pre", "attn_out", "mlp_out"), min_length=1)

    def draw(self, tables: RunTables) -> Drawn:
        """Panels: sites across, directions down; colour: how far the metric moves towards the other run."""
        label = self.label(tables)
        rows = tables.summary_of(label)
        rows = rows[rows["site"].isin(self.sites) & (rows["query_label"] != "")]
        if rows.empty:
            raise UserError(
                f"figure {self.kind}: probe {label!r} has no site among {', '.join(self.sites)} by position"
            )
        sites = [site for site in self.sites if site in set(rows["site"])]
        bases = [base for base in ("corrupted", "clean") if base in set(rows["base"])]
        # Denoising starts at 0 (corrupted) and noising at 1 (clean); both are shown as the fraction of the gap crossed.
        crossed = np.where(rows["base"] == "corrupted", rows["norm_mean"], 1 - rows["norm_mean"])
        rows = rows.assign(crossed=crossed)
        labels = rows["query_label"].unique().tolist()
        shown = focus_window(tables) if all(map(str.isdigit, labels)) else None
        if shown is not None:
            labels = [label for label in labels if int(label) in shown.positions]
            rows = rows[rows["query_label"].isin(labels)]
        n_layers = tables.metrics["run"]["model"]["n_layers"]
        limit = float(min(1.0, rows["crossed"].abs().max())) or 1.0
        tall = min(max(0.5, 0.085 * n_layers), (style.TALL - 1.0) / len(bases) - 0.45)
        height = len(bases) * (0.45 + tall) + 1.0
        figure = new_figure(style.PAGE, height)
        inches = (style.PAGE - 1.2) / len(sites)
        grid = figure.subplots(len(bases), len(sites), sharex=True, sharey=True, squeeze=False)
        for down, base in enumerate(bases):
            for across, site in enumerate(sites):
                axes = grid[down, across]
                _panel(axes, rows[(rows["base"] == base) & (rows["site"] == site)], labels, limit, n_layers)
                number_ticks(axes.yaxis, n_layers, tall)
                if shown is None:
                    token_ticks(axes, labels, inches, {}, 0.5)
                else:
                    names = token_labels(tables, map(int, labels))
                    token_ticks(axes, names, inches, key_and_query(tables, shown), 0.5)
                    for place in shown.breaks:
                        axes.axvline(place, color=style.GREY, linewidth=0.6, linestyle=(0, (3, 2)))
                axes.tick_params(length=0)
                if down == 0:
                    axes.set_title(site)
                direction = "denoise" if base == "corrupted" else "noise"
                axes.set_ylabel(f"{direction}\nlayer" if across == 0 else "")
        bar = figure.colorbar(grid[0, 0].collections[0], ax=grid, shrink=0.6, aspect=30, pad=0.015)
        bar.set_label("\n".join(wrap("share of the clean–corrupted gap crossed", 0.6 * height, 7.5)))
        caption = (
            "Activation patching by layer and token. Denoise: a clean activation put into the corrupted run; noise: a corrupted "
            f"one put into the clean run. 1: the metric moves all the way to the other run."
            f"{shown.words if shown else ''} {basis_text(tables, label)}"
        )
        columns = ["site", "base", "layer", "query_label", "crossed", "norm_mean", "norm_ci_low", "norm_ci_high", "n"]
        return Drawn(figure, rows[columns], "Where the information is, by layer and token", self.caption or caption)


def _panel(axes: Any, rows: pd.DataFrame, columns: list[str], limit: float, n_layers: int) -> None:
    values = np.full((n_layers, len(columns)), np.nan)
    values[rows["layer"].astype(int), [columns.index(label) for label in rows["query_label"]]] = rows["crossed"]
    axes.pcolormesh(values, cmap=style.DIVERGING, vmin=-limit, vmax=limit, rasterized=True)
