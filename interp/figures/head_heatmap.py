"""Figure `head_heatmap`: one number a head, layer by head."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from interp.analysis.shapes import Shape, panels
from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.figures.base import Drawn, Figure, figures
from interp.figures.grid import draw_grids, grid_marks, grid_of, heads_axis
from interp.results.tables import RunTables
from interp.words.phrases import basis_text, metric_text, runs_text, unit

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


@figures.register
class HeadHeatmap(Figure):
    """Layer-by-head heatmap of mean effects; dots mark intervals that exclude 0, frames the largest heads."""

    fits: ClassVar[frozenset[Shape]] = frozenset({"layer x head"})
    kind: Literal["head_heatmap"] = "head_heatmap"
    parts: tuple[str, ...] | None = Field(default=None, description="Parts of the probe's table; null: all with heads.")
    top_k: int = Field(default=5, ge=0, le=1_000, description="How many of the largest cells get a frame.")

    def draw(self, tables: RunTables) -> Drawn:
        """One panel a part of the probe's table."""
        label = self.label(tables)
        shown = panels(tables.summary_of(label), "layer x head")
        have = list(dict.fromkeys(str(panel.rows["part"].iloc[0]) for panel in shown))
        if absent := [part for part in self.parts or () if part not in have]:
            raise UserError(
                f"figure {self.kind}: probe {label!r} has no heads in part {', '.join(absent)}; it has {', '.join(have)}"
            )
        if self.parts is not None:
            chosen = [panel for panel in shown if panel.rows["part"].iloc[0] in self.parts]
            place = {part: number for number, part in enumerate(self.parts)}
            shown = sorted(chosen, key=lambda panel: place[panel.rows["part"].iloc[0]])
        n_layers = tables.run.model.n_layers
        grids = [
            grid_of(
                panel.rows,
                panel.title,
                n_layers,
                heads_axis(panel.rows),
                panel.rows["head"].astype(int).tolist(),
                layers_without(panel.rows, tables),
            )
            for panel in shown
        ]
        hatched = sorted({layer for grid in grids for layer in grid.absent})
        figure = draw_grids(grids, f"change in {metric_text(tables)} ({unit(tables)})", self.top_k)
        caption = (
            f"Mean effect of {label} by layer and head (value minus the unedited run, in {unit(tables)}). Dots: the interval "
            f"excludes 0; frames: the {self.top_k} largest.{_absent_words(hatched)} {basis_text(tables, label)}"
        )
        columns = ["part", "layer", "head", "mean", "ci_low", "ci_high", "n", "n_pairs"]
        data = pd.concat([panel.rows for panel in shown])[columns]
        marks = grid_marks(figure, grids, columns)
        return Drawn(figure, data, f"{label}: effect by head", self.caption or caption, marks)


def layers_without(rows: pd.DataFrame, tables: RunTables) -> list[int]:
    """The layers of which no edge was measured, because the window of each leaves the focus prompt's key out."""
    run = tables.run
    if not rows["site"].isin(("edge", "pattern")).all():
        return []
    measured = set(rows["layer"].astype(int))
    return [
        layer
        for layer in range(run.model.n_layers)
        if layer not in measured and not run.model.sees(layer, run.focus.query, run.focus.key)
    ]


def _absent_words(layers: list[int]) -> str:
    if not layers:
        return ""
    return f" Hatched: layers {runs_text(layers)}, whose window does not reach from the query to the key, so that there is no edge."
