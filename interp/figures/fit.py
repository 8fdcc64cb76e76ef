"""Text that fits: its width in inches, lines no wider than a page, and labels that do not touch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.configs.lazy import lazy

if TYPE_CHECKING:
    import matplotlib as mpl
    import matplotlib.backends.backend_agg as agg
    import matplotlib.font_manager as font_manager
    import matplotlib.ticker as ticker
else:
    mpl = lazy("matplotlib")
    agg = lazy("matplotlib.backends.backend_agg")
    font_manager = lazy("matplotlib.font_manager")
    ticker = lazy("matplotlib.ticker")

TICK = 6.5  # points: the least size of any text
SPACING = 1.2  # distance of neighbouring lines, in font sizes
LONGEST = 14  # characters of a token as a label


def width(text: str, points: float, weight: str = "normal") -> float:
    """Inches that a line of text is wide in the font families that are set."""
    return _width(text, points, weight, tuple(mpl.rcParams["font.family"]))


@cache
def _width(text: str, points: float, weight: str, families: tuple[str, ...]) -> float:
    font = font_manager.FontProperties(family=list(families), size=points, weight=weight)
    renderer = _renderer()
    return float(renderer.get_text_width_height_descent(text, font, False)[0]) / float(renderer.dpi)


@cache
def _renderer() -> Any:
    canvas: Any = agg
    return canvas.RendererAgg(8, 8, 300)


def short(text: str, longest: int = LONGEST) -> str:
    """At most `longest` characters, the last of them `…` where some are left out."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def wrap(text: str, inches: float, points: float, weight: str = "normal") -> list[str]:
    """Lines no wider than `inches`, broken at spaces; a single word that is wider is cut."""
    lines: list[str] = []
    for word in text.split():
        while width(word, points, weight) > inches and len(word) > 2:
            word = short(word, len(word) - 1)
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and width(joined, points, weight) <= inches:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def cut(text: str, inches: float, points: float, lines: int = 2) -> str:
    """At most so many lines no wider than `inches`, the last of them ending in `…` where text is left out."""
    wrapped = wrap(text, inches, points)
    return "\n".join(wrapped if len(wrapped) <= lines else [*wrapped[: lines - 1], wrapped[lines - 1][:-1] + "…"])


def labelled(count: int, pitch: float, need: float, first: Sequence[int] = ()) -> list[int]:
    """Which of `count` neighbours, `pitch` inches apart, get a label where labels must be `need` inches apart.

    Those in `first` come first, then every n-th from the start.
    """
    apart = max(1, math.ceil(need / pitch - 1e-9))
    step = next(nice for nice in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if nice >= apart)
    chosen: list[int] = []
    for place in [*first, *range(0, count, step)]:
        if all(abs(place - other) >= apart for other in chosen):
            chosen.append(place)
    return sorted(chosen)


def token_ticks(
    axes: Any, labels: Sequence[str], inches: float, marked: dict[int, str], start: float, rotation: float = 60
) -> None:
    """Slanted labels of tokens under an axis `inches` wide, every n-th where they would touch.

    `marked`: place from 0 -> colour, for key and query, which are labelled first; `start`: where the first one stands.
    """
    need = SPACING * TICK / 72 / math.sin(math.radians(rotation))
    places = labelled(len(labels), inches / len(labels), need, list(marked))
    axes.set_xticks(
        np.array(places) + start,
        [labels[place] for place in places],
        rotation=rotation,
        ha="right",
        rotation_mode="anchor",
    )
    for place, text in zip(places, axes.get_xticklabels(), strict=False):
        text.set_color(marked.get(place, "black"))


def number_ticks(axis: Any, count: int, inches: float, start: float = 0.5) -> None:
    """The numbers 0 to count - 1 along an axis `inches` long, every n-th where they would touch."""
    need = SPACING * TICK / 72 if axis.axis_name == "y" else width(str(count - 1), TICK) + 0.06
    places = labelled(count, inches / count, need)
    axis.set_ticks(np.array(places) + start, [str(place) for place in places])


def whole_numbers(axis: Any) -> None:
    """Ticks of an axis of layers: there is no layer 0.5."""
    axis.set_major_locator(ticker.MaxNLocator(nbins="auto", integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
