"""Figure `position_grid`: which positions matter as keys and as queries, layer by layer (docs/definitions.md, The figure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.analysis.findings import EdgePatchingFindings
from interp.analysis.grid import position_grid
from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.fit import number_ticks, token_ticks
from interp.figures.marks import Marks
from interp.figures.sentence import focus_window, key_and_query, token_labels
from interp.figures.window import Window
from interp.results.tables import RunTables
from interp.words.phrases import basis_text, percent, runs_text

if TYPE_CHECKING:
    import matplotlib.collections as collections
    import matplotlib.patches as patches
    import pandas as pd
else:
    collections = lazy("matplotlib.collections")
    patches = lazy("matplotlib.patches")


@figures.register
class PositionGrid(Figure):
    """Grid of layers by positions: red where a key position matters, blue where a query position does, split for both."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("edge_patching",)}
    kind: Literal["position_grid"] = "position_grid"
    threshold: float = Field(
        default=0.05, gt=0, le=100, description="Share of the clean-corrupted gap that one edge must move."
    )

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from an edge_patching probe over all causal pairs of one template."""
        label = self.label(tables)
        if tables.findings(label, EdgePatchingFindings).screen:
            raise UserError(f"figure {self.kind}: probe {label!r} is screened, so most of its edges were never cut")
        edges = tables.summary_of(label)
        if not edges["query_label"].str.isdigit().all():
            raise UserError(f"figure {self.kind}: probe {label!r} names positions by role; it needs `pairs: all`")
        used = tables.prompts[tables.prompts["prompt"].isin(tables.values_of(label, "prompt")["prompt"])]
        grid = position_grid(edges, self.threshold, float(used["gap"].mean()))
        n_layers, shown = tables.run.model.n_layers, focus_window(tables)
        grid = grid[grid["position"].isin(shown.positions)]
        wide = style.COLUMN if len(shown) <= 16 else style.PAGE
        tall = min(0.115 * n_layers, style.TALL - 1.25)
        figure = new_figure(wide, 1.25 + tall)
        axes = figure.add_subplot()
        draw_cells(axes, grid, shown)
        axes.set(xlim=(0.5, len(shown) + 0.5), ylim=(-0.5, n_layers - 0.5), ylabel="layer")
        token_ticks(axes, token_labels(tables, shown.positions), wide - 0.5, key_and_query(tables, shown), 1)
        number_ticks(axes.yaxis, n_layers, tall, 0)
        for place in shown.breaks:
            axes.axvline(place + 0.5, color=style.GREY, linewidth=0.6, linestyle=(0, (3, 2)))
        axes.tick_params(length=0)
        legend = [
            patches.Patch(color=style.RED, label="key position"),
            patches.Patch(color=style.BLUE, label="query position"),
        ]
        figure.legend(handles=legend, loc="outside upper center", ncols=2, handlelength=1, handleheight=1)
        caption = (
            f"Positions that matter: cutting one head's edge from (red, key) or into (blue, query) the position changes the metric "
            f"by at least {percent(self.threshold)} of the clean–corrupted gap; split cells are both."
            f"{shown.words}{_window_words(tables)} {basis_text(tables, label)}"
        )
        marks = [Marks(axes, grid, grid["position"].map(shown.place), "layer", cell=True)]
        return Drawn(figure, grid, "Key and query positions by layer", self.caption or caption, marks)


def _window_words(tables: RunTables) -> str:
    """In which layers a position has fewer edges than others."""
    windows = tables.run.model.windows
    short = [layer for layer, window in enumerate(windows) if window is not None and window < tables.run.focus.query]
    if not short:
        return ""
    return (
        f" Queries of layers {runs_text(short)} see a window of tokens only: edges from further back do not exist, "
        "and count nowhere."
    )


def draw_cells(axes: Any, grid: pd.DataFrame, shown: Window) -> None:
    """A square a layer and position: red for a key, blue for a query, red above blue for both, grey for neither."""
    corners = np.array([(-0.46, -0.46), (-0.46, 0.46), (0.46, 0.46), (0.46, -0.46)])
    shapes: dict[str, list[np.ndarray]] = {style.RED: [], style.BLUE: [], "#efefef": []}
    for cell in grid.to_dict("records"):
        square = corners + np.array([shown.place(cell["position"]), cell["layer"]])
        if cell["is_key"] and cell["is_query"]:
            shapes[style.RED].append(square[[0, 1, 2]])
            shapes[style.BLUE].append(square[[0, 2, 3]])
        else:
            shapes[style.RED if cell["is_key"] else style.BLUE if cell["is_query"] else "#efefef"].append(square)
    for colour, polygons in shapes.items():
        axes.add_collection(collections.PolyCollection(polygons, facecolors=colour, linewidths=0), autolim=False)
