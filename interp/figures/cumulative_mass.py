"""Figure `cumulative_mass`: how few heads or edges hold a share of all single effects, sorted by size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from interp.analysis.shapes import Shape, panels
from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.marks import Marks
from interp.results.tables import RunTables
from interp.words.phrases import basis_text, percent, unit

if TYPE_CHECKING:
    import matplotlib.figure as mpl_figure
    import pandas as pd
else:
    pd = lazy("pandas")
    mpl_figure = lazy("matplotlib.figure")

FITS: frozenset[Shape] = frozenset({"layer x head", "edges"})
NOUNS: dict[Shape, str] = {"layer x head": "heads", "edges": "edges"}
COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.PURPLE, style.RED)


@dataclass(frozen=True)
class Mass:
    """The sizes of one table's mean effects, largest first."""

    label: str
    colour: str
    sizes: Float[np.ndarray, " place"]

    @property
    def shares(self) -> Float[np.ndarray, " n"]:
        """Of all sizes, in the first 1, 2, ... places."""
        return np.asarray(np.cumsum(self.sizes) / self.sizes.sum())

    def needed(self, target: float) -> int:
        """The places whose sizes sum to the target."""
        return int(np.searchsorted(self.shares, target - 1e-12)) + 1


@figures.register
class CumulativeMass(Figure):
    """Cumulative share of the summed absolute effect against the number of heads or edges, on a logarithmic axis."""

    fits: ClassVar[frozenset[Shape]] = FITS
    prefers: ClassVar[tuple[str, ...]] = ("edge_patching", "key_query_heads")
    kind: Literal["cumulative_mass"] = "cumulative_mass"
    target: float = Field(default=0.9, gt=0, lt=1, description="The share whose number of heads or edges is marked.")

    def draw(self, tables: RunTables) -> Drawn:
        """Draw every table of the probe that has one row a head or an edge."""
        label = self.label(tables)
        shape, named = _sorted(tables, label)
        lines = [Mass(name, COLOURS[i % len(COLOURS)], sizes) for i, (name, sizes) in enumerate(named[: len(COLOURS)])]
        figure, data = drawn(lines, NOUNS[shape], self.target)
        caption = f"{described(NOUNS[shape], unit(tables))} {basis_text(tables, label)}"
        return Drawn(figure, data, f"Few {NOUNS[shape]} hold most", self.caption or caption, mass_marks(figure, data))


def mass_marks(figure: mpl_figure.Figure, data: pd.DataFrame) -> list[Marks]:
    """The points of the curves of `drawn`."""
    return [Marks(figure.axes[0], data, "n", "share")]


def described(noun: str, metric_unit: str) -> str:
    """What the curves are, for a caption."""
    return (
        f"Sizes of the mean effects of single {noun} ({metric_unit}), summed from the largest on, as a share of the sum over "
        f"all of them. It describes how the effects are spread; what {noun} do together is another question."
    )


def sizes_of(tables: RunTables, label: str) -> tuple[Shape, Float[np.ndarray, " place"]]:
    """The first table of a probe that has one row a head or an edge: its shape, and its sizes from the largest on."""
    shape, named = _sorted(tables, label)
    return shape, named[0][1]


def _sorted(tables: RunTables, label: str) -> tuple[Shape, list[tuple[str, Float[np.ndarray, " place"]]]]:
    rows = tables.summary_of(label)
    fitting = [panel for panel in panels(rows) if panel.shapes & FITS]
    shape: Shape = "edges" if any("edges" in panel.shapes for panel in fitting) else "layer x head"
    named = []
    for panel in fitting:
        sizes = np.sort(panel.rows["mean"].abs().to_numpy(dtype=float))[::-1]
        if shape in panel.shapes and sizes.sum() > 0:
            named.append((panel.title, sizes))
    if not named:
        raise UserError(f"figure cumulative_mass: every effect of {label} is 0, so there are no shares of them")
    return shape, named


def drawn(lines: Sequence[Mass], noun: str, target: float) -> tuple[mpl_figure.Figure, pd.DataFrame]:
    """The curves, the target and the number that each needs for it; of several, how many times fewer the last needs."""
    figure = new_figure(style.COLUMN, 2.6)
    axes = figure.add_subplot()
    pieces = []
    for line in lines:
        places = np.arange(1, len(line.sizes) + 1)
        n = line.needed(target)
        words = f"{line.label}: " if len(lines) > 1 else ""
        axes.plot(places, line.shares, color=line.colour, label=f"{words}{n:,} of {len(line.sizes):,}")
        axes.plot(n, line.shares[n - 1], "o", color=line.colour, markersize=3.5)
        pieces.append(pd.DataFrame({"table": line.label, "n": places, "share": line.shares, "size": line.sizes}))
    axes.axhline(target, color=style.RED, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    last = max(len(line.sizes) for line in lines)
    ticks = [tick for tick in (1, 10, 100, 1000, 10_000, 100_000) if tick < last / 4] + [last]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set(xlim=(1, max(last, 2)), ylim=(0, 1.02))
    axes.set(xlabel=f"{noun}, largest effect first", ylabel="share of summed |effect|")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1, title=f"{noun} for {percent(target)}")
    return figure, pd.concat(pieces, ignore_index=True)
