"""Heatmaps whose rows are layers: one panel a part, dots where an interval excludes 0, frames around the largest cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.figures import style
from interp.figures.base import new_figure
from interp.figures.fit import number_ticks, token_ticks, wrap
from interp.figures.hatching import hatch
from interp.figures.marks import Marks

if TYPE_CHECKING:
    import matplotlib.figure as mpl_figure
    import matplotlib.patches as patches
    import pandas as pd
    import seaborn as sns
else:
    mpl_figure = lazy("matplotlib.figure")
    patches = lazy("matplotlib.patches")
    sns = lazy("seaborn")

PER_ROW = 4
SIDE = 0.9  # inches: labels and colour bar


@dataclass(frozen=True)
class Axis:
    """An axis of places: its name, a label each, colours of those that stand out, and where places are left out."""

    name: str
    labels: Sequence[str]
    marked: Mapping[int, str] = field(default_factory=dict)
    breaks: Sequence[int] = ()

    @property
    def numbered(self) -> bool:
        """Whether the labels are the numbers from 0."""
        return list(self.labels) == [str(place) for place in range(len(self.labels))]


@dataclass(frozen=True)
class Grid:
    """One panel: the cells that were measured, by their row (upwards) and column from 0; others stay empty.

    `absent`: rows of which nothing exists, because their layer's window leaves the edge out; they are hatched.
    `numbers`: a row of the table a cell.
    """

    title: str
    down: Axis
    across: Axis
    row: Int[np.ndarray, " cell"]
    column: Int[np.ndarray, " cell"]
    mean: Float[np.ndarray, " cell"]
    sure: Bool[np.ndarray, " cell"]
    numbers: pd.DataFrame
    absent: Sequence[int] = ()


def grid_of(
    rows: pd.DataFrame, title: str, n_layers: int, across: Axis, column: Sequence[int], absent: Sequence[int] = ()
) -> Grid:
    """A panel of rows of a summary, layers upwards; `column`: the place of each row on the other axis."""
    return Grid(
        title=title,
        down=Axis("layer", [str(layer) for layer in range(n_layers)]),
        across=across,
        row=rows["layer"].to_numpy(int),
        column=np.asarray(column, dtype=int),
        mean=rows["mean"].to_numpy(float),
        sure=((rows["ci_low"] > 0) | (rows["ci_high"] < 0)).to_numpy(bool),
        numbers=rows,
        absent=absent,
    )


def heads_axis(rows: pd.DataFrame) -> Axis:
    """Heads from 0 to the last that some rows name."""
    return Axis("head", [str(head) for head in range(int(rows["head"].max()) + 1)])


def draw_grids(grids: Sequence[Grid], colour_label: str, top_k: int) -> mpl_figure.Figure:
    """All panels with one colour scale; layers upwards, at most four panels beside one another.

    Raises UserError where there is nothing to draw.
    """
    if not grids or not any(len(grid.mean) for grid in grids):
        raise UserError("there is nothing to draw: the table has no rows")
    n_layers = max(len(grid.down.labels) for grid in grids)
    wide = max(1.75 if grid.across.numbered else 0.3 + 0.14 * len(grid.across.labels) for grid in grids)
    beside = min(len(grids), PER_ROW, max(1, int((style.PAGE - SIDE) // wide)))
    rows = -(-len(grids) // beside)
    width = min(style.PAGE, max(style.COLUMN, wide * beside + SIDE))
    tall = min(max(2.9, 1.0 + 0.115 * n_layers), style.TALL / rows)
    height = rows * tall
    figure = new_figure(width, height)
    inches = ((width - 1.0) / beside - 0.1, tall - 0.8)
    axes = figure.subplots(rows, beside, sharey=True, squeeze=False)
    limit = max(float(np.nanmax(np.abs(grid.mean), initial=0.0)) for grid in grids) or 1.0
    for place, ax in enumerate(axes.flat):
        if place >= len(grids):
            ax.set_axis_off()
            continue
        grid = grids[place]
        _panel(ax, grid, limit, top_k, inches)
        ax.set(
            xlabel=grid.across.name,
            ylabel=grid.down.name if place % beside == 0 else "",
            title=grid.title if len(grids) > 1 else "",
        )
    bar = figure.colorbar(axes.flat[0].collections[0], ax=list(axes.flat), shrink=0.7, aspect=30, pad=0.02)
    bar.set_label("\n".join(wrap(colour_label, 0.9 * min(height, tall * 1.5), 7.5)))
    return figure


def grid_marks(figure: mpl_figure.Figure, grids: Sequence[Grid], columns: Sequence[str]) -> list[Marks]:
    """The cells of all panels of a figure of `draw_grids`, with these columns of their tables."""
    return [
        Marks(axes, grid.numbers[list(columns)], grid.column + 0.5, grid.row + 0.5, cell=True)
        for axes, grid in zip(figure.axes, grids, strict=False)
    ]


def _panel(axes: Any, grid: Grid, limit: float, top_k: int, inches: tuple[float, float]) -> None:
    shape = (len(grid.down.labels), len(grid.across.labels))
    values = np.full(shape, np.nan)
    values[grid.row, grid.column] = grid.mean
    lines = {"linewidths": 0.3, "linecolor": "white"}
    sns.heatmap(values, ax=axes, cmap=style.DIVERGING, vmin=-limit, vmax=limit, cbar=False, **lines)
    axes.invert_yaxis()
    hatch(axes, [(column, row) for row in grid.absent for column in range(shape[1])])
    dark = np.abs(grid.mean) > 0.6 * limit
    for shade, colour in ((True, "white"), (False, "black")):
        mark = grid.sure & (dark == shade)
        axes.scatter(grid.column[mark] + 0.5, grid.row[mark] + 0.5, s=1.6, color=colour, linewidths=0)
    for cell in np.argsort(-np.abs(grid.mean))[:top_k]:
        corner = (grid.column[cell], grid.row[cell])
        axes.add_patch(patches.Rectangle(corner, 1, 1, fill=False, edgecolor="black", linewidth=0.9))
    number_ticks(axes.yaxis, shape[0], inches[1])
    axes.tick_params(length=0, labelrotation=0)
    if grid.across.numbered:
        number_ticks(axes.xaxis, shape[1], inches[0])
    else:
        token_ticks(axes, list(grid.across.labels), inches[0], dict(grid.across.marked), 0.5)
    for place in grid.across.breaks:
        axes.axvline(place, color=style.GREY, linewidth=0.6, linestyle=(0, (3, 2)))
