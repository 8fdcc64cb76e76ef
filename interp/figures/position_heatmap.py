"""Figure `position_heatmap`: patching by layer and token position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.analysis.shapes import Panel, Shape, panels
from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.fit import number_ticks, token_ticks, wrap
from interp.figures.grid import Axis, draw_grids, grid_marks, grid_of
from interp.figures.marks import Marks
from interp.figures.sentence import focus_window, key_and_query, token_labels
from interp.results.tables import RunTables
from interp.words.phrases import basis_text, metric_text, unit

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

PATCHED = {("corrupted", "clean"), ("clean", "corrupted")}
"""(run that is edited, run that the values come from)."""
MOST_SITES = 4
COLUMNS = ["site", "base", "layer", "query_label", "crossed", "norm_mean", "norm_ci_low", "norm_ci_high", "n"]


@figures.register
class PositionHeatmap(Figure):
    """Layer-by-position heatmap, tokens as columns; of patches between the runs, denoise and noise below each other."""

    fits: ClassVar[frozenset[Shape]] = frozenset({"layer x position"})
    prefers: ClassVar[tuple[str, ...]] = ("activation_patching",)
    kind: Literal["position_heatmap"] = "position_heatmap"
    sites: tuple[str, ...] | None = Field(default=None, min_length=1, description="Sites of the table; null: all.")
    top_k: int = Field(
        default=5, ge=0, le=1_000, description="How many of the largest cells get a frame, where effects are drawn."
    )

    def draw(self, tables: RunTables) -> Drawn:
        """Patches between the runs: how far the metric moves towards the other run; anything else: mean effects."""
        label = self.label(tables)
        parts = panels(tables.summary_of(label), "layer x position")
        rows = pd.concat([panel.rows for panel in parts]).sort_index()
        sites = [site for site in self.sites or rows["site"].unique() if site in set(rows["site"])]
        rows = rows[rows["site"].isin(sites)]
        if rows.empty:
            raise UserError(
                f"figure {self.kind}: probe {label!r} has no site among {', '.join(self.sites or ())} by position"
            )
        # What is patched from the other run has a place on the way from one run to the other; nothing else has.
        patched = {tuple(pair) for pair in rows[["base", "source"]].drop_duplicates().to_numpy()} <= PATCHED
        if not patched or len(sites) > MOST_SITES:
            return self._effects(tables, label, [panel for panel in parts if panel.rows["site"].iloc[0] in sites])
        bases = [base for base in ("corrupted", "clean") if base in set(rows["base"])]
        # Denoising starts at 0 (corrupted) and noising at 1 (clean); both are shown as the fraction of the gap crossed.
        crossed = np.where(rows["base"] == "corrupted", rows["norm_mean"], 1 - rows["norm_mean"])
        rows = rows.assign(crossed=crossed)
        labels = rows["query_label"].unique().tolist()
        shown = focus_window(tables).only(map(int, labels)) if all(map(str.isdigit, labels)) else None
        if shown is not None:
            labels = [str(position) for position in shown.positions]
            rows = rows[rows["query_label"].isin(labels)]
        n_layers = tables.run.model.n_layers
        limit = float(min(1.0, rows["crossed"].abs().max())) or 1.0
        tall = min(max(0.5, 0.085 * n_layers), (style.TALL - 1.0) / len(bases) - 0.45)
        height = len(bases) * (0.45 + tall) + 1.0
        figure = new_figure(style.PAGE, height)
        inches = (style.PAGE - 1.2) / len(sites)
        marks = []
        grid = figure.subplots(len(bases), len(sites), sharex=True, sharey=True, squeeze=False)
        for down, base in enumerate(bases):
            for across, site in enumerate(sites):
                axes = grid[down, across]
                mine = rows[(rows["base"] == base) & (rows["site"] == site)]
                _panel(axes, mine, labels, limit, n_layers)
                words = labels if shown is None else token_labels(tables, map(int, labels))
                places = [labels.index(query) for query in mine["query_label"]]
                said = _told(mine, [words[place] for place in places])
                marks.append(
                    Marks(axes, said, [place + 0.5 for place in places], mine["layer"].astype(int) + 0.5, True)
                )
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
        title = "Where the information is, by layer and token"
        return Drawn(figure, rows[COLUMNS], title, self.caption or caption, marks)

    def _effects(self, tables: RunTables, label: str, shown: list[Panel]) -> Drawn:
        """One panel a part, with the mean effects of its cells."""
        rows = pd.concat([panel.rows for panel in shown])
        labels = rows["query_label"].unique().tolist()
        numbered = all(map(str.isdigit, labels))
        seen = focus_window(tables).only(map(int, labels)) if numbered else None
        if seen is not None:
            labels = [str(position) for position in seen.positions]
            rows = rows[rows["query_label"].isin(labels)]
        across = (
            Axis("position", labels)
            if seen is None
            else Axis("position", token_labels(tables, map(int, labels)), key_and_query(tables, seen), seen.breaks)
        )
        n_layers = tables.run.model.n_layers
        grids = []
        for panel in shown:
            mine = panel.rows[panel.rows["query_label"].isin(labels)]
            places = [labels.index(name) for name in mine["query_label"]]
            grids.append(grid_of(mine, panel.title, n_layers, across, places))
        figure = draw_grids(grids, f"change in {metric_text(tables)} ({unit(tables)})", self.top_k)
        caption = (
            f"Mean effect of {label} by layer and position (value minus the unedited run, in {unit(tables)}). Dots: the interval "
            f"excludes 0; frames: the {self.top_k} largest.{seen.words if seen else ''} {basis_text(tables, label)}"
        )
        columns = ["part", "site", "layer", "query_label", "mean", "ci_low", "ci_high", "n", "n_pairs"]
        title = f"{label}: effect by layer and position"
        return Drawn(figure, rows[columns], title, self.caption or caption, grid_marks(figure, grids, columns))


def _told(rows: pd.DataFrame, positions: list[str]) -> pd.DataFrame:
    """The cells of a panel in words: how far the metric has crossed the gap, with the interval of that."""
    noise = rows["base"] == "clean"
    return pd.DataFrame(
        {
            "site": rows["site"],
            "direction": np.where(noise, "noise", "denoise"),
            "layer": rows["layer"],
            "position": positions,
            "share": rows["crossed"],
            "low": np.where(noise, 1 - rows["norm_ci_high"], rows["norm_ci_low"]),
            "high": np.where(noise, 1 - rows["norm_ci_low"], rows["norm_ci_high"]),
            "prompts": rows["n"],
        }
    )


def _panel(axes: Any, rows: pd.DataFrame, columns: list[str], limit: float, n_layers: int) -> None:
    values = np.full((n_layers, len(columns)), np.nan)
    values[rows["layer"].astype(int), [columns.index(label) for label in rows["query_label"]]] = rows["crossed"]
    axes.pcolormesh(values, cmap=style.DIVERGING, vmin=-limit, vmax=limit, rasterized=True)
