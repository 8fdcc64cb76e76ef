"""Modulation by layer: keep the selected heads below a layer, replace everything else, read the share."""

from __future__ import annotations

from matplotlib.axes import Axes

from docsite.drawings.canvas import LIGHT, SMALL, say, sheet
from interp.figures.style import BLUE, GREY, RED

HEADS = ((2, 3), (4, 1), (4, 4), (5, 2), (7, 4))
RISES = {2: 0.11, 4: 0.46, 5: 0.13, 7: 0.12}
N_LAYERS, N_HEADS, CUT = 8, 6, 5


def modulation() -> Axes:
    """Left: heads by layer, those below the line kept. Right: the share, a point for every place of the line."""
    axes = sheet(38)
    bottom, step = 6.0, 3.2

    def height(layer: float) -> float:
        return bottom + step * layer

    for layer in range(N_LAYERS):
        say(axes, 5.5, height(layer) + 1.4, str(layer), GREY, SMALL)
        for head in range(N_HEADS):
            selected, keeps = (layer, head) in HEADS, layer < CUT
            face = RED if selected and keeps else "white"
            axes.plot(
                9 + 3.2 * head,
                height(layer) + 1.4,
                "o",
                markersize=8,
                mfc=face,
                mec=RED if selected else LIGHT,
                mew=1.5,
            )
    axes.plot([4, 43], [height(CUT)] * 2, color=BLUE, linewidth=1.6, linestyle="--")
    say(axes, 28, height(CUT) + 1.5, "above: all replaced", GREY, SMALL, "left")
    say(axes, 28, height(CUT) - 1.5, f"below layer {CUT}:", BLUE, SMALL, "left")
    say(axes, 28, height(CUT) - 3.5, "selected heads kept", RED, SMALL, "left")
    say(axes, 5.5, 35, "layer", GREY, SMALL)
    say(axes, 17, 35, "heads (red: selected)", GREY, SMALL)
    share, xs, ys = 0.0, [46.0], [height(0)]
    for layer in range(N_LAYERS):
        share += RISES.get(layer, 0.0)
        xs.append(46 + 24 * share)
        ys.append(height(layer + 1))
    axes.plot(xs, ys, "o-", color=RED, markersize=5)
    axes.plot(xs[CUT], ys[CUT], "o", markersize=10, mfc="none", mec=BLUE, mew=1.8)
    axes.plot([46, 46], [height(0), height(N_LAYERS)], color="black", linewidth=0.8)
    axes.plot([46, 70], [height(0)] * 2, color="black", linewidth=0.8)
    say(axes, 46, 4, "0", GREY, SMALL)
    say(axes, 70, 4, "1", GREY, SMALL)
    say(axes, 58, 4, "share carried below", GREY, SMALL)
    say(axes, 58, 35, "the output: the reported share", RED, SMALL)
    return axes
