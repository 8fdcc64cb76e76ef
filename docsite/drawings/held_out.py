"""Held out: heads are chosen on one half of the word pairs and measured on the other, both ways round."""

from __future__ import annotations

from matplotlib.axes import Axes

from docsite.drawings.canvas import SMALL, arrow, box, dots, say, sheet
from interp.figures.style import BLUE, GREEN, GREY

HALVES = (
    ("half A", ("large / small", "hot / cold", "early / late", "..."), BLUE, 27.0),
    ("half B", ("new / old", "fast / slow", "full / empty", "..."), GREEN, 8.0),
)
KEPT = ([True, True, True, False, False, False], [True, True, False, True, False, False])


def held_out() -> Axes:
    """Two halves, two rankings, crossed arrows, one mean."""
    axes = sheet(45)
    say(axes, 9.5, 42.5, "word pairs, by the seed", GREY, SMALL)
    say(axes, 33, 42.5, "rank the heads", GREY, SMALL)
    say(axes, 53, 42.5, "measure the best n", GREY, SMALL)
    for number, ((name, pairs, color, y), kept) in enumerate(zip(HALVES, KEPT, strict=True)):
        box(axes, 2, y, 15, 12, color)
        say(axes, 9.5, y + 10.2, name, color, weight="bold")
        for line, pair in enumerate(pairs):
            say(axes, 9.5, y + 7.8 - 2.1 * line, pair, size=SMALL)
        arrow(axes, (17.4, y + 6), (25, y + 6), color)
        dots(axes, 27, y + 6, kept, color=color)
        say(axes, 33, y + 9, f"chosen by {name[-1]}", color, SMALL)
        other = HALVES[1 - number]
        arrow(axes, (40.6, y + 6), (46.6, other[3] + 6), color, width=1.8)
        box(axes, 47, other[3] + 2.6, 12.5, 6.8, color)
        say(axes, 53.2, other[3] + 7.4, "A's heads on B" if number == 0 else "B's heads on A", color, SMALL)
        say(axes, 53.2, other[3] + 4.7, "f(n)", color)
        arrow(axes, (59.9, other[3] + 6), (64.6, 24.5 if other[3] > 20 else 22.5), GREY)
    say(axes, 67.8, 23.6, "mean", weight="bold")
    say(
        axes,
        36,
        2.6,
        "No pair is measured with heads that it helped to choose.",
        GREY,
        SMALL,
    )
    return axes
