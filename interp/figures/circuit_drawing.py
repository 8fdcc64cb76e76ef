"""Pieces of the circuit panel, in inches: boxes above their tokens, the sentence, the arrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interp.figures import style
from interp.lazy import lazy

if TYPE_CHECKING:
    import matplotlib.patches as patches
else:
    patches = lazy("matplotlib.patches")

MARGIN, LINE, CHARACTER = 0.15, 0.135, 0.06  # inches; a character at 7 points
BOX_PAD, BOX_GAP = 0.05, 0.04


@dataclass(frozen=True)
class Box:
    """A rounded box above a token: its lines of text, its centre, and its level from below."""

    lines: list[str]
    centre: float
    level: int
    colour: str

    @property
    def width(self) -> float:
        """Inches."""
        return max(map(len, self.lines)) * CHARACTER + 2 * BOX_PAD + 0.04


def touch(one: Box, other: Box) -> bool:
    """Whether two boxes of one level would overlap."""
    return abs(one.centre - other.centre) < (one.width + other.width) / 2 + BOX_GAP


def heights(boxes: list[Box]) -> list[float]:
    """Height of every level of boxes, from below, the gap above it included."""
    levels = range(max(box.level for box in boxes) + 1)
    return [
        max(len(box.lines) for box in boxes if box.level == level) * LINE + 2 * BOX_PAD + BOX_GAP for level in levels
    ]


def _bottom(boxes: list[Box], box: Box, sentence: float) -> float:
    return sentence + sum(heights(boxes)[: box.level])


def draw_sentence(page: Any, tokens: list[str], centres: list[float], focus: dict[str, Any]) -> None:
    """The numbered tokens, key red and query blue, and the answer."""
    size = 8.5 if len(tokens) <= 12 else 6.5
    for place, (token, centre) in enumerate(zip([*tokens, focus["answer"]], centres, strict=True), start=1):
        answer = place > len(tokens)
        colour = {focus["key"]: style.RED, focus["query"]: style.BLUE}.get(place, style.GREY if answer else "black")
        text = token.strip() or repr(token)
        page.text(
            centre,
            1.55 * LINE,
            text,
            ha="center",
            va="center",
            fontsize=size,
            color=colour,
            fontstyle="italic" if answer else "normal",
            fontweight="bold" if place == focus["key"] else "normal",
        )
        if not answer:
            page.text(centre, 0.6 * LINE, str(place), ha="center", va="center", fontsize=6.5, color=colour)


def draw_boxes(page: Any, boxes: list[Box], sentence: float) -> None:
    """The boxes above the sentence, which is `sentence` high."""
    for box in boxes:
        height = len(box.lines) * LINE + 2 * BOX_PAD
        bottom = _bottom(boxes, box, sentence)
        page.add_patch(
            patches.FancyBboxPatch(
                (box.centre - box.width / 2 + 0.03, bottom + 0.03),
                box.width - 0.06,
                height - 0.06,
                boxstyle="round,pad=0.03,rounding_size=0.06",
                facecolor="white",
                edgecolor=box.colour,
                linewidth=0.9,
            )
        )
        for number, line in enumerate(box.lines):
            middle = bottom + height - BOX_PAD - (number + 0.5) * LINE
            page.text(
                box.centre,
                middle,
                line,
                ha="center",
                va="center",
                fontsize=7.5 if number == 0 else 6.5,
                color="black" if box.colour == style.GREY else box.colour,
            )


def draw_arrow(
    page: Any,
    boxes: list[Box],
    centres: list[float],
    focus: dict[str, Any],
    sentence: float,
    level: float,
    lines: list[str],
) -> None:
    """The arrow from the key's box to the prediction, at height `level`, with its label."""
    if not lines:
        return

    def top(centre: float) -> float:
        tops = [
            _bottom(boxes, box, sentence) + len(box.lines) * LINE + 2 * BOX_PAD for box in boxes if box.centre == centre
        ]
        return max(tops, default=sentence)

    key = next((box for box in boxes if box.colour == style.RED), None)
    start = key.centre if key else centres[focus["key"] - 1]
    end = next((box.centre for box in reversed(boxes)), centres[-1])
    page.plot(
        [start, start, end], [top(start) + 0.02, level, level], color=style.RED, linewidth=1.0, solid_joinstyle="round"
    )
    arrow = {"arrowstyle": "-|>", "color": style.RED, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}
    page.annotate("", (end, top(end) + 0.02), (end, level), arrowprops=arrow)
    for number, line in enumerate(reversed(lines)):
        heading = number == len(lines) - 1
        page.text(
            start + 0.05,
            level + 0.05 + number * LINE,
            line,
            ha="left",
            va="bottom",
            color=style.RED,
            fontsize=7,
            fontweight="bold" if heading else "normal",
        )
