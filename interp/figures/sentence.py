"""The numbered tokens of the focus prompt in one row: side by side where they fit, else upright (figure.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from interp.figures import style
from interp.figures.fit import LONGEST, TICK, short, width
from interp.figures.fonts import drawable_token
from interp.figures.window import Window, window
from interp.results.tables import RunTables

SIZES = (8.5, 7.5, TICK)  # points, from the best
GAP = 0.07  # inches between two tokens
NUMBER, WORD = 0.08, 0.21  # inches from below: middle of the numbers, of the words
HEIGHT = 0.32


@dataclass(frozen=True)
class Piece:
    """One token, the answer, or dots for what is left out: its text, colour and centre in inches."""

    text: str
    number: str
    colour: str
    centre: float
    bold: bool
    italic: bool


@dataclass(frozen=True)
class Sentence:
    """The row, laid out: its pieces from left to right, size in points, height in inches."""

    pieces: list[Piece]
    window: Window
    centres: dict[int, float]
    answer: float
    size: float
    upright: bool
    height: float

    def near(self, position: int) -> float:
        """Inches from the left of a position's centre, or of the nearest one that is shown."""
        return self.centres[min(self.centres, key=lambda shown: abs(shown - position))]

    def draw(self, page: Any) -> None:
        """Draw at the lower edge of a page whose unit is an inch."""
        for piece in self.pieces:
            style_ = {"color": piece.colour, "fontstyle": "italic" if piece.italic else "normal"}
            weight = "bold" if piece.bold else "normal"
            if self.upright:
                text = f"{piece.number} {piece.text}".strip()
                page.text(
                    piece.centre,
                    0.04,
                    text,
                    ha="center",
                    va="bottom",
                    rotation=90,
                    fontsize=self.size,
                    fontweight=weight,
                    **style_,
                )
                continue
            page.text(
                piece.centre,
                WORD,
                piece.text,
                ha="center",
                va="center",
                fontsize=self.size,
                fontweight=weight,
                **style_,
            )
            page.text(piece.centre, NUMBER, piece.number, ha="center", va="center", fontsize=TICK, color=piece.colour)


def focus_window(tables: RunTables, others: Iterable[int] = ()) -> Window:
    """The positions of the focus prompt to show: near key, query and others that a figure speaks of."""
    focus = tables.run.focus
    return window(len(focus_tokens(tables)), [focus.key, focus.query, *others])


def focus_tokens(tables: RunTables) -> list[str]:
    """The focus prompt's tokens as figures write them."""
    return [drawable_token(token) for token in tables.prompts[tables.prompts["focus"]].iloc[0]["clean_tokens"]]


def token_labels(tables: RunTables, positions: Iterable[int]) -> list[str]:
    """`5 large`: number and token, as an axis is labelled."""
    tokens = focus_tokens(tables)
    return [f"{position} {short(tokens[position - 1])}" for position in positions]


def key_and_query(tables: RunTables, shown: Window) -> dict[int, str]:
    """Colours of those of key and query that are shown, by place in the window from 0."""
    colours = {tables.run.focus.key: style.RED, tables.run.focus.query: style.BLUE}
    return {shown.place(position) - 1: colour for position, colour in colours.items() if position in shown.positions}


def sentence(tables: RunTables, shown: Window, left: float, inches: float) -> Sentence:
    """Lay the row out from `left` on, `inches` wide."""
    focus, tokens = tables.run.focus, focus_tokens(tables)
    colours = {focus.key: style.RED, focus.query: style.BLUE}
    rows: list[tuple[str, str, str, bool, int | None]] = []
    for place, position in enumerate(shown.positions):
        if place in shown.breaks:
            rows.append(("…", "", style.GREY, False, None))
        colour = colours.get(position, "black")
        rows.append((short(tokens[position - 1], 2 * LONGEST), str(position), colour, position == focus.key, position))
    rows.append((short(drawable_token(focus.answer), 2 * LONGEST), "", style.GREY, False, None))
    size, edges = _side_by_side(rows, inches)
    upright = edges is None
    if edges is None:
        size, edges = TICK, np.linspace(0, inches, len(rows) + 1)
        rows = [(short(text), *rest) for text, *rest in rows]  # type: ignore[misc]
    middles = (left + (edges[:-1] + edges[1:]) / 2).tolist()
    pieces = [
        Piece(text, number, colour, middle, bold, row == len(rows) - 1)
        for row, ((text, number, colour, bold, _), middle) in enumerate(zip(rows, middles, strict=True))
    ]
    tall = 0.1 + max(width(f"{piece.number} {piece.text}", TICK, "bold") for piece in pieces) if upright else HEIGHT
    centres = {row[4]: middle for row, middle in zip(rows, middles, strict=True) if row[4] is not None}
    return Sentence(pieces, shown, centres, middles[-1], size, upright, tall)


def _side_by_side(rows: list[Any], inches: float) -> tuple[float, np.ndarray | None]:
    """The largest size at which the row fits, and the edges of its slots from 0; equal slots where they are wide enough."""
    for size in SIZES:
        wide = np.array([max(width(text, size, "bold"), width(number, TICK)) + GAP for text, number, *_ in rows])
        equal = np.full(len(rows), inches / len(rows))
        if (wide <= equal).all():
            return size, np.concatenate([[0], np.cumsum(equal)])
        if wide.sum() <= inches:
            return size, np.concatenate([[0], np.cumsum(wide + (inches - wide.sum()) / len(rows))])
    return TICK, None
