"""The joint share: where the metric stands between no edge kept and all kept."""

from __future__ import annotations

from matplotlib.axes import Axes

from docsite.drawings.canvas import LIGHT, SMALL, dots, say, sheet
from interp.figures.style import GREY, ORANGE, RED

LEFT, RIGHT, KEPT = 12.0, 62.0, 53.0


def shares() -> Axes:
    """Three rows of heads, their metric on one line, and the ratio of two distances; below, the sums of single effects."""
    axes = sheet(45)
    rows = (
        (LEFT, "none kept", [False] * 8),
        (KEPT, "the best n kept", [True] * 3 + [False] * 5),
        (RIGHT, "all kept", [True] * 8),
    )
    line = 25.0
    axes.plot([LEFT - 4, RIGHT + 4], [line, line], color="black", linewidth=1)
    say(axes, LEFT - 4, line - 5.4, "metric (logits)", GREY, SMALL, "left")
    for number, (x, words, kept) in enumerate(rows):
        y = 31.5 + 5.4 * number
        axes.plot([x, x], [line - 0.9, y - 1.2], color=LIGHT if number != 1 else RED, linewidth=1.2, zorder=0)
        dots(axes, 8, y, kept)
        say(axes, 28.5, y, words, RED if number == 1 else "black", at="left")
        axes.plot(
            [44, x], [y, y], color=LIGHT if number != 1 else RED, linewidth=1, linestyle=":", zorder=0
        ) if x > 44 else None
        axes.plot(x, line, "o", markersize=7, color=RED if number == 1 else "black")
    say(axes, LEFT, line - 2.6, "m(none)")
    say(axes, KEPT, line - 2.6, "m(n)", RED, weight="bold")
    say(axes, RIGHT, line - 2.6, "m(all)")
    axes.annotate(
        "", (LEFT, line + 2), (KEPT, line + 2), arrowprops={"arrowstyle": "<->", "color": RED, "linewidth": 1.4}
    )
    say(axes, 33, line + 3.6, "joint share f(n) = this, as a part of the whole: 82 %", RED, SMALL)
    _bars(axes)
    return axes


def _bars(axes: Axes) -> None:
    """Single effects one after the other: with signs they come to less than their sizes, and to something else than the whole."""
    effects = (6, 5, 4, 3, -2.5, 2, -1.5, 1)
    x, y = 12.0, 13.0
    for effect in effects:
        axes.bar(x + abs(effect) / 2, 2.4, abs(effect) - 0.25, y, color=RED if effect > 0 else ORANGE, alpha=0.75)
        x += abs(effect)
    say(axes, x + 1.5, y + 1.2, "absolute: sizes, summed", at="left", size=SMALL)
    x = 12.0
    for effect in (one for one in effects if one > 0):
        axes.bar(x + effect / 2, 2.4, effect - 0.25, y - 5, color=RED, alpha=0.75)
        x += effect
    for effect in (one for one in effects if one < 0):
        axes.bar(x + effect / 2, 2.4, -effect - 0.25, y - 5, color=ORANGE, alpha=0.9)
        x += effect
    say(axes, 38.5, y - 3.8, "net: with their signs, summed", at="left", size=SMALL)
    say(
        axes,
        12,
        y - 9.4,
        "Edges measured one by one; what all of them do together is another number.",
        GREY,
        SMALL,
        "left",
    )
