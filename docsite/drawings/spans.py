"""Spans: in which layers replacing what a block writes at a token moves the metric."""

from __future__ import annotations

from matplotlib.axes import Axes

from docsite.drawings.canvas import LIGHT, SMALL, columns, say, sentence, sheet
from interp.figures.style import GREY, RED

WORK = {2: (0, 2, 3), 5: (0,), 8: (0, 5, 6, 8)}
WORDS = {2: "opposite: 0–3", 5: "large: 0", 8: "brackets: 0–8"}
N_LAYERS = 9


def spans() -> Axes:
    """A column a token, a cell a layer: red where it is at work, a frame from the first such layer to the last."""
    axes, xs = sheet(46), columns(8.5, 8)
    bottom, step = 8.5, 3.4
    for layer in range(N_LAYERS):
        say(axes, 3.5, bottom + step * layer + 1.5, str(layer), GREY, SMALL)
        for position, x in enumerate(xs, 1):
            works = layer in WORK.get(position, ())
            axes.bar(x, step - 0.5, 4.6, bottom + step * layer, color=RED if works else "#efefef")
    for position, layers in WORK.items():
        x, low, high = xs[position - 1], bottom - 0.3, bottom + step * max(layers) + step - 0.2
        axes.plot([x - 2.8, x + 2.8, x + 2.8, x - 2.8, x - 2.8], [low, low, high, high, low], color=RED, linewidth=1.6)
        say(axes, x, high + 1.7, WORDS[position], RED, SMALL)
    say(axes, 3.5, 44, "layer", GREY, SMALL)
    say(
        axes,
        36,
        44,
        "red: replacing what this block writes here moves the metric by at least 5 % of the gap",
        GREY,
        SMALL,
    )
    axes.annotate(
        "a gap inside the span\nis named, not hidden",
        (xs[1] + 2.4, bottom + step * 1.5),
        (xs[2] + 6.5, bottom + step * 3.4),
        fontsize=SMALL,
        color=GREY,
        ha="center",
        arrowprops={"arrowstyle": "-|>", "color": GREY},
        bbox={"facecolor": "white", "edgecolor": LIGHT, "pad": 3},
    )
    sentence(axes, 5.6, xs)
    return axes
