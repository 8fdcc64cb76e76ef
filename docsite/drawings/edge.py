"""An edge: the term that one head writes from the key's position into the query's."""

from __future__ import annotations

from matplotlib.axes import Axes

from docsite.drawings.canvas import LIGHT, PAPER, SMALL, arrow, box, columns, say, sentence, sheet
from interp.figures.style import BLUE, GREY, RED


def edge() -> Axes:
    """Residual streams upwards; in one layer, one head, one arrow from token 5 to token 8."""
    axes, xs = sheet(39), columns(7, 8.2)
    low, layer, top = 9.0, 19.0, 34.0
    axes.fill_between([3.5, 68.5], layer - 3.2, layer + 4.2, color="#f3f3f3")
    say(axes, 4, layer + 3, "layer 22", GREY, SMALL, "left")
    for position, x in enumerate(xs, 1):
        color = {5: RED, 8: BLUE}.get(position, LIGHT)
        axes.plot([x, x], [low, top], color=color, linewidth=2.5 if position in (5, 8) else 1.5)
    key, query = xs[4], xs[7]
    axes.plot([query, query], [layer + 1.2, top], color=BLUE, linewidth=6, alpha=0.3, solid_capstyle="butt")
    box(axes, 45.2, layer - 1.6, 15, 4.2, RED)
    say(axes, 52.7, layer + 0.5, "L22-H7: w · v · W_O", RED, SMALL)
    arrow(axes, (key, layer + 0.5), (45.2, layer + 0.5), RED, width=2)
    arrow(axes, (60.2, layer + 0.5), (query, layer + 0.5), RED, width=2)
    say(axes, 38.3, layer - 7.4, "value v of the key's token", RED, SMALL, "right", bbox=PAPER)
    arrow(axes, (38.6, layer - 7.4), (key - 0.4, layer - 0.2), RED, -0.15, 0.8)
    say(axes, 52.7, layer - 5, "w: weight from query to key", GREY, SMALL, bbox=PAPER)
    say(axes, query - 1.6, layer + 9.6, "everything above responds", BLUE, SMALL, "right", bbox=PAPER)
    say(axes, query, top + 2, "small", BLUE, weight="bold")
    say(axes, 3.5, top + 2, "the residual stream of every token, from layer to layer", GREY, SMALL, "left")
    sentence(axes, 6, xs)
    return axes
