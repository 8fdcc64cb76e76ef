"""Figure `position_grid`: which positions matter as keys and as queries, layer by layer (figure.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from interp.analysis.grid import position_grid
from interp.errors import UserError
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.words import basis_text, percent
from interp.lazy import lazy
from interp.results.tables import RunTables

if TYPE_CHECKING:
    import matplotlib.patches as patches
else:
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
        if tables.metrics["probes"][label].get("screen"):
            raise UserError(f"figure {self.kind}: probe {label!r} is screened, so most of its edges were never cut")
        edges = tables.summary_of(label)
        if not edges["query_label"].str.isdigit().all():
            raise UserError(f"figure {self.kind}: probe {label!r} names positions by role; it needs `pairs: all`")
        used = tables.prompts[tables.prompts["prompt"].isin(tables.probe(label)["prompt"])]
        grid = position_grid(edges, self.threshold, float(used["gap"].mean()))
        tokens = list(tables.prompts[tables.prompts["focus"]].iloc[0]["clean_tokens"])
        n_layers = tables.metrics["run"]["model"]["n_layers"]
        figure = new_figure(style.COLUMN, 1.25 + 0.115 * n_layers)
        axes = figure.add_subplot()
        for cell in grid.to_dict("records"):
            _cell(axes, cell["position"], cell["layer"], cell["is_key"], cell["is_query"])
        axes.set(xlim=(0.5, len(tokens) + 0.5), ylim=(-0.5, n_layers - 0.5), ylabel="layer")
        names = [f"{place} {token.strip()}" for place, token in enumerate(tokens, start=1)]
        axes.set_xticks(range(1, len(tokens) + 1), names, rotation=45, ha="right", rotation_mode="anchor")
        step = 1 if n_layers <= 16 else 2
        axes.set_yticks(range(0, n_layers, step))
        axes.tick_params(length=0)
        marks = [
            patches.Patch(color=style.RED, label="key position"),
            patches.Patch(color=style.BLUE, label="query position"),
        ]
        figure.legend(handles=marks, loc="outside upper center", ncols=2, handlelength=1, handleheight=1)
        caption = (
            f"Positions that matter: cutting one head's edge from (red, key) or into (blue, query) the position changes the metric "
            f"by at least {percent(self.threshold)} of the clean–corrupted gap; split cells are both. {basis_text(tables, label)}"
        )
        return Drawn(figure, grid, "Key and query positions by layer", self.caption or caption)


def _cell(axes: object, position: int, layer: int, key: bool, query: bool) -> None:
    left, right, low, high = position - 0.46, position + 0.46, layer - 0.46, layer + 0.46
    corners = {"key": [(left, low), (left, high), (right, high)], "query": [(left, low), (right, low), (right, high)]}
    whole = [(left, low), (left, high), (right, high), (right, low)]
    shapes = [(corners["key"], style.RED), (corners["query"], style.BLUE)] if key and query else []
    if key != query:
        shapes = [(whole, style.RED if key else style.BLUE)]
    if not (key or query):
        shapes = [(whole, "#efefef")]
    for points, colour in shapes:
        axes.add_patch(patches.Polygon(points, closed=True, color=colour, linewidth=0))  # type: ignore[attr-defined]
