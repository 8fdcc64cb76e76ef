"""Whether the text of a drawn figure can be read at its printed size: large enough, on the page, and not over other text."""

from __future__ import annotations

import itertools
import math

import numpy as np
from matplotlib.text import Text

SMALLEST = 6.0  # points
TALLEST = 10.5  # inches: no page is taller


def faults(figure) -> list[str]:
    """What is wrong with the figure's text, one sentence each; call it in the rc context that the figure is saved in."""
    found = drawn(figure)
    page = figure.bbox
    said = [
        f"{text.get_text()!r} has {text.get_fontsize()} points" for text, _ in found if text.get_fontsize() < SMALLEST
    ]
    for text, box in found:
        inside = box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1 and box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1
        if not inside:
            said.append(f"{text.get_text()!r} leaves the page")
    shapes = [(text, outline(figure, text, box)) for text, box in found]
    for (one, here), (other, there) in itertools.combinations(shapes, 2):
        if overlap(here, there):
            said.append(f"{one.get_text()!r} overlaps {other.get_text()!r}")
    if figure.get_figheight() > TALLEST:
        said.append(f"the figure is {figure.get_figheight():.1f} inches high")
    return said


def drawn(figure):
    """Texts that are drawn, with their boxes in pixels."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    hidden = _undrawn_ticks(figure)
    found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    # The box of an annotation without its arrow.
    boxes = [(text, Text.get_window_extent(text, renderer)) for text in found if text not in hidden]
    return [(text, box) for text, box in boxes if box.width > 0]


def _undrawn_ticks(figure):
    """Labels that matplotlib does not draw: of ticks beyond their axis' limits, and of axes that are off."""
    hidden = set()
    for axes in figure.axes:
        if not axes.axison:
            hidden |= set(axes.xaxis.findobj(Text)) | set(axes.yaxis.findobj(Text))
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * (high - low)
            for place, tick in zip(axis.get_majorticklocs(), axis.get_major_ticks(), strict=False):
                if not low - slack <= place <= high + slack:
                    hidden |= {tick.label1, tick.label2}
    return hidden


def outline(figure, text, box):
    """Corners of a text's rectangle, which may be slanted, one pixel smaller on each side."""
    angle = math.radians(text.get_rotation())
    text.set_rotation(0)
    flat = Text.get_window_extent(text, figure.canvas.get_renderer())
    text.set_rotation(math.degrees(angle))
    wide, tall = max(flat.width - 2, 0.1) / 2, max(flat.height - 2, 0.1) / 2
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    corners = np.array([(-wide, -tall), (wide, -tall), (wide, tall), (-wide, tall)]) @ turn.T
    return corners + np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])


def overlap(one, other) -> bool:
    """Whether two rectangles share a point: no side of either separates them."""
    if (one.max(axis=0) < other.min(axis=0)).any() or (other.max(axis=0) < one.min(axis=0)).any():
        return False
    for side in (*np.diff(one[:3], axis=0), *np.diff(other[:3], axis=0)):
        a, b = one @ side, other @ side
        if a.max() < b.min() or b.max() < a.min():
            return False
    return True
