"""Figure `position_heatmap`: patching by layer and token position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.errors import UserError
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.words import basis_text
from interp.lazy import lazy
from interp.results.tables import RunTables

if TYPE_CHECKING:
    import pandas as pd
    import seaborn as sns
else:
    pd = lazy("pandas")
    sns = lazy("seaborn")


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
        tokens = _tokens(tables, rows["query_label"].unique().tolist())
        n_layers = tables.metrics["run"]["model"]["n_layers"]
        limit = float(min(1.0, rows["crossed"].abs().max())) or 1.0
        figure = new_figure(style.PAGE, len(bases) * (0.75 + 0.085 * n_layers) + 0.4)
        grid = figure.subplots(len(bases), len(sites), sharex=True, sharey=True, squeeze=False)
        for down, base in enumerate(bases):
            for across, site in enumerate(sites):
                axes = grid[down, across]
                _panel(axes, rows[(rows["base"] == base) & (rows["site"] == site)], tokens, limit, n_layers)
                if down == 0:
                    axes.set_title(site)
                direction = "denoise" if base == "corrupted" else "noise"
                axes.set_ylabel(f"{direction}\nlayer" if across == 0 else "")
        bar = figure.colorbar(grid[0, 0].collections[0], ax=grid, shrink=0.6, aspect=30, pad=0.015)
        bar.set_label("share of the clean–corrupted gap crossed")
        caption = (
            "Activation patching by layer and token. Denoise: a clean activation put into the corrupted run; noise: a corrupted "
            f"one put into the clean run. 1: the metric moves all the way to the other run. {basis_text(tables, label)}"
        )
        columns = ["site", "base", "layer", "query_label", "crossed", "norm_mean", "norm_ci_low", "norm_ci_high", "n"]
        return Drawn(figure, rows[columns], "Where the information is, by layer and token", self.caption or caption)


def _tokens(tables: RunTables, labels: list[str]) -> dict[str, str]:
    focus = tables.prompts[tables.prompts["focus"]].iloc[0]
    words = list(focus["clean_tokens"])
    return {label: f"{label} {words[int(label) - 1].strip()}" if label.isdigit() else label for label in labels}


def _panel(axes: Any, rows: pd.DataFrame, tokens: dict[str, str], limit: float, n_layers: int) -> None:
    columns = list(tokens)
    values = np.full((n_layers, len(columns)), np.nan)
    values[rows["layer"].astype(int), [columns.index(label) for label in rows["query_label"]]] = rows["crossed"]
    sns.heatmap(values, ax=axes, cmap=style.DIVERGING, vmin=-limit, vmax=limit, cbar=False)
    axes.invert_yaxis()
    step = 1 if n_layers <= 12 else 5
    axes.set_yticks(np.arange(0, n_layers, step) + 0.5, [str(n) for n in range(0, n_layers, step)], rotation=0)
    axes.set_xticks(
        np.arange(len(columns)) + 0.5, list(tokens.values()), rotation=60, ha="right", rotation_mode="anchor"
    )
    axes.tick_params(length=0)
