"""What all drawings share: a sheet in units of a tenth of an inch, the sentence, dots and arrows, and how it is saved.

Text is never smaller than SMALL points, which is legible where a drawing is as wide as a column of the site.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from interp.figures.style import BLUE, FONT, GREY, RED

WIDTH = 72.0
TEXT, SMALL = 10.0, 9.0
LIGHT = "#d9d9d9"
PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
"""Ground of a text that would cross a line."""
SENTENCE = ("The", "opposite", "of", '"', "large", '"', "is", '"')
RC: Any = {"font.family": FONT, "svg.hashsalt": "interp", "svg.fonttype": "path", "text.parse_math": False}
NO_DATE = {"Date": None}


def sheet(height: float) -> Axes:
    """An empty sheet of WIDTH by `height`, in tenths of an inch."""
    figure = Figure(figsize=(WIDTH / 10, height / 10), facecolor="white")
    FigureCanvasSVG(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, height))
    axes.set_axis_off()
    return axes


def svg(draw: Callable[[], Axes]) -> str:
    """The drawing as SVG, the same text every time."""
    with mpl.rc_context(RC):
        buffer = io.StringIO()
        figure = draw().figure
        assert isinstance(figure, Figure)
        figure.savefig(buffer, format="svg", metadata=NO_DATE)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def say(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    color: str = "black",
    size: float = TEXT,
    at: str = "center",
    **more: Any,
) -> None:
    """Text at a point, before everything else; `at` is its horizontal alignment."""
    more.setdefault("zorder", 5)
    axes.text(x, y, text, color=color, fontsize=size, ha=at, va="center", **more)


def arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str = "black",
    bend: float = 0,
    width: float = 1.4,
) -> None:
    """An arrow, bent upwards by a negative `bend`."""
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=11,
            color=color,
            linewidth=width,
            connectionstyle=f"arc3,rad={bend}",
            shrinkA=0,
            shrinkB=0,
        )
    )


def box(axes: Axes, x: float, y: float, width: float, height: float, color: str = GREY, fill: str = "white") -> None:
    """A rounded box by its lower left corner."""
    axes.add_patch(
        FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.8",
            edgecolor=color,
            facecolor=fill,
            linewidth=1.2,
            zorder=4,
        )
    )


def dots(axes: Axes, x: float, y: float, kept: Sequence[bool], step: float = 2.4, color: str = RED) -> None:
    """A row of heads: filled where the edge keeps its value, hollow where it is replaced."""
    for number, keeps in enumerate(kept):
        axes.plot(
            x + number * step, y, "o", markersize=8, mfc=color if keeps else "white", mec=color if keeps else GREY
        )


def columns(first: float = 6.0, step: float = 8.6) -> list[float]:
    """Where the eight tokens of the sentence stand."""
    return [first + step * number for number in range(len(SENTENCE))]


def sentence(axes: Axes, y: float, xs: Sequence[float]) -> None:
    """The tokens with their positions; the key in red, the query in blue."""
    for position, (token, x) in enumerate(zip(SENTENCE, xs, strict=True), 1):
        color = {5: RED, 8: BLUE}.get(position, "black")
        say(axes, x, y, token, color, weight="bold" if position in (5, 8) else "normal")
        say(axes, x, y - 2.2, str(position), color, SMALL)
