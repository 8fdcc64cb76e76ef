"""Pieces of the circuit panel, in inches: boxes above their tokens, the arrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interp.configs.lazy import lazy
from interp.figures import style
from interp.figures.fit import TICK, width

if TYPE_CHECKING:
    import matplotlib.patches as patches
else:
    patches = lazy("matplotlib.patches")

MARGIN, LINE = 0.15, 0.135  # inches
BOX_PAD, BOX_GAP = 0.05, 0.04
NAME, SPAN, LABEL = 7.5, TICK, 7  # points


@dataclass(frozen=True)
class Box:
    """A rounded box above a token: its lines of text, its centre, and its level from below."""

    lines: list[str]
    centre: float
    level: int
    colour: str
    output: bool = False

    @property
    def width(self) -> float:
        """Inches."""
        wide = [width(line, SPAN if number else NAME) for number, line in enumerate(self.lines)]
        return max(wide) + 2 * BOX_PAD + 0.06

    @property
    def height(self) -> float:
        """Inches."""
        return len(self.lines) * LINE + 2 * BOX_PAD


def touch(box: Box, other: Box) -> bool:
    """Whether two boxes of one level would overlap."""
    return abs(box.centre - other.centre) < (box.width + other.width) / 2 + BOX_GAP


def heights(boxes: list[Box]) -> list[float]:
    """Height of every level of boxes, from below, the gap above it included."""
    levels = range(max((box.level for box in boxes), default=-1) + 1)
    return [max(box.height for box in boxes if box.level == level) + BOX_GAP for level in levels]


def _bottom(boxes: list[Box], box: Box, sentence: float) -> float:
    return sentence + sum(heights(boxes)[: box.level])


def draw_boxes(page: Any, boxes: list[Box], sentence: float) -> None:
    """The boxes above the sentence, which is `sentence` high."""
    for box in boxes:
        bottom = _bottom(boxes, box, sentence)
        page.add_patch(
            patches.FancyBboxPatch(
                (box.centre - box.width / 2 + 0.03, bottom + 0.03),
                box.width - 0.06,
                box.height - 0.06,
                boxstyle="round,pad=0.03,rounding_size=0.06",
                facecolor="white",
                edgecolor=box.colour,
                linewidth=0.9,
            )
        )
        for number, line in enumerate(box.lines):
            middle = bottom + box.height - BOX_PAD - (number + 0.5) * LINE
            page.text(
                box.centre,
                middle,
                line,
                ha="center",
                va="center",
                fontsize=SPAN if number else NAME,
                color="black" if box.colour == style.GREY else box.colour,
            )


def draw_arrow(
    page: Any, boxes: list[Box], start: float, end: float, level: float, sentence: float, lines: list[str]
) -> None:
    """The arrow from above the key (`start`) to above the prediction (`end`), at height `level`, with its label."""
    if not lines:
        return

    def top(centre: float) -> float:
        return max(
            (_bottom(boxes, box, sentence) + box.height for box in boxes if box.centre == centre), default=sentence
        )

    page.plot(
        [start, start, end], [top(start) + 0.02, level, level], color=style.RED, linewidth=1.0, solid_joinstyle="round"
    )
    arrow = {"arrowstyle": "-|>", "color": style.RED, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}
    page.annotate("", (end, top(end) + 0.02), (end, level), arrowprops=arrow)
    weights = ["bold", *["normal"] * (len(lines) - 1)]
    # Beside the key, but never beyond the page: a late key moves its label to the left.
    wide = max(width(line, LABEL, weight) for line, weight in zip(lines, weights, strict=True))
    left = max(MARGIN, min(start + 0.05, style.PAGE - MARGIN - wide))
    for number, (line, weight) in enumerate(zip(reversed(lines), reversed(weights), strict=True)):
        page.text(
            *(left, level + 0.05 + number * LINE, line),
            **{"ha": "left", "va": "bottom", "color": style.RED, "fontsize": LABEL, "fontweight": weight},
        )
