"""Controls: the found set, random sets of the same size, and the same search for answers that mean nothing."""

from __future__ import annotations

from matplotlib.axes import Axes

from docsite.drawings.canvas import LIGHT, SMALL, say, sheet
from interp.figures.style import BLUE, GREY, RED

LEFT, RIGHT = 30.0, 66.0


def controls() -> Axes:
    """Three rows on one line from 0 to 100 %, with the numbers of `make experiment`."""
    axes = sheet(29)

    def at(share: float) -> float:
        return LEFT + (RIGHT - LEFT) * share

    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        axes.plot([at(share)] * 2, [7.5, 26.5], color=LIGHT, linewidth=0.8, zorder=0)
        say(axes, at(share), 5.6, f"{share:.0%}".replace("%", " %"), GREY, SMALL)
    say(axes, (LEFT + RIGHT) / 2, 2.6, "share of what all key→query edges do", GREY, SMALL)
    for y, words, low, value, high, color in (
        (23.5, "the 10 heads that were found", 0.79, 0.82, 0.85, RED),
        (10.5, "10 heads for arbitrary answers", -0.05, -0.02, 0.01, GREY),
    ):
        say(axes, 26.5, y, words, color, at="right")
        axes.plot([at(low), at(high)], [y, y], color=color, linewidth=3)
        axes.plot(at(value), y, "o", markersize=8, color=color)
    y = 17.0
    say(axes, 26.5, y, "100 random sets of 10 heads", BLUE, at="right")
    axes.plot([at(-0.02), at(0.19)], [y, y], color=BLUE, linewidth=9, alpha=0.35, solid_capstyle="butt")
    axes.plot(at(0.02), y, "o", markersize=8, color=BLUE)
    axes.plot(at(0.23), y, "|", markersize=12, color=BLUE, markeredgewidth=2)
    say(axes, at(0.23) + 1.2, y, "the best of them: 23 %", BLUE, SMALL, "left")
    return axes
