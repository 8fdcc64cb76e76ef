"""Where the rows of a figure's table lie in it, so that a page can say what somebody points at.

A figure that draws rows as cells or points says so in `Marks`, in the coordinates of its axes. When the figure is laid out and
saved they become `Spots`: places on the page and the words of each row, as plain data. A figure without marks has no spots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from interp.configs.lazy import lazy
from interp.words.numbers import defined, fixed, interval, number
from interp.words.visible import visible_token

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

WHOLE = 10_000
"""Places are told in parts of the figure's width and height, of which there are so many."""
NEAR = 25
"""Points that are nearer to each other than this are one to whoever points at them; the first is told."""

LEAST = 0.04
"""Inches that a cell is wide and high, at least, to be pointed at alone; smaller ones are told together, by what they share."""

NAMES = {"query_label": "query", "key_label": "key", "n_pairs": "word pairs", "crossed": "share of the gap crossed"}
VALUES = ("mean", "share", "value", "above_dense")


@dataclass(frozen=True)
class Marks:
    """Rows of a figure's table, and where they lie: `x` and `y` are columns of `rows`, or a number a row.

    Units are those of the axes' data. With `cell` each is a unit square around its place, else a point.
    """

    axes: Any
    rows: pd.DataFrame
    x: str | Sequence[float] | np.ndarray | pd.Series
    y: str | Sequence[float] | np.ndarray | pd.Series
    cell: bool = False


@dataclass(frozen=True)
class Spots:
    """The same on the page: what each row says under which name, and its place, counted from the upper left corner.

    A place is x and y of a point, or left, top, right and bottom of a cell, in parts of WHOLE.
    """

    names: list[str]
    texts: list[list[str]]
    places: list[list[int]]


def spots_of(figure: Any, marks: Sequence[Marks]) -> list[Spots]:
    """The spots of a figure that has been laid out."""
    return [spots for mark in marks if (spots := _spots(figure, mark)).places]


def _spots(figure: Any, marks: Marks) -> Spots:
    names, texts = told(marks.rows)
    x, y = (
        marks.rows[coordinate].to_numpy(float) if isinstance(coordinate, str) else np.asarray(coordinate, dtype=float)
        for coordinate in (marks.x, marks.y)
    )
    half = 0.5 if marks.cell else 0.0
    corners = [_on_page(figure, marks.axes, x - half, y + half), _on_page(figure, marks.axes, x + half, y - half)]
    if marks.cell and len(marks.rows) and _tiny(figure, corners):
        return _together(names, texts, np.concatenate(corners))
    kept, taken = [], set()
    for row, (corner, other) in enumerate(zip(*corners, strict=True)):
        if not (np.isfinite(corner).all() and np.isfinite(other).all()):
            continue
        place = [round(WHOLE * part) for part in (*corner, *other)]
        (left, right), (top, bottom) = sorted(place[::2]), sorted(place[1::2])
        if right < 0 or bottom < 0 or left > WHOLE or top > WHOLE:
            continue  # beyond the figure's edge
        near = (left // NEAR, top // NEAR)
        if not marks.cell and near in taken:
            continue
        taken.add(near)
        kept.append((texts[row], [left, top, right, bottom] if marks.cell else [left, top]))
    return Spots(names, [text for text, _ in kept], [place for _, place in kept])


def _tiny(figure: Any, corners: Sequence[Float[np.ndarray, "row 2"]]) -> bool:
    sides = np.abs(corners[1] - corners[0]) * figure.get_size_inches()
    return bool(np.nanmedian(sides, axis=0).min() < LEAST)


def _together(names: list[str], texts: list[list[str]], ends: Float[np.ndarray, "end 2"]) -> Spots:
    """One spot over all cells, which says what is the same in all of them: the head of an attention map."""
    alike = [place for place, column in enumerate(zip(*texts, strict=True)) if len(set(column)) == 1]
    box = [round(WHOLE * part) for part in (*np.nanmin(ends, axis=0), *np.nanmax(ends, axis=0))]
    said = [texts[0][place] for place in alike]
    return Spots([names[place] for place in alike], [said] if alike else [], [box] if alike else [])


def _on_page(
    figure: Any, axes: Any, x: Float[np.ndarray, " row"], y: Float[np.ndarray, " row"]
) -> Float[np.ndarray, "row 2"]:
    """Parts of the figure's width and height, from the upper left corner."""
    across = figure.transFigure.inverted().transform(axes.transData.transform(np.column_stack([x, y])))
    return np.column_stack([across[:, 0], 1 - across[:, 1]])


def told(rows: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """The names of what rows say, and the words of each: layer and head as `L22-H8`, a value's two ends as its interval."""
    rows = rows.reset_index(drop=True)
    names = [str(name) for name in rows]
    columns: dict[str, list[str]] = {}
    ends = {name: f"{name[:-3]}high" for name in names if name.endswith("low") and f"{name[:-3]}high" in names}
    told_with = {_value_of(rows, low): low for low in ends}
    of_effects = "n_pairs" in rows or "ci_low" in rows
    for name in names:
        if name in ends or name in ends.values():
            continue
        if name == "layer" and "head" in rows and "key" not in rows:
            continue
        if name == "head" and "layer" in rows and pd.api.types.is_numeric_dtype(rows["head"]):
            pairs = zip(rows["layer"], rows["head"], strict=True)
            columns["head"] = ["" if pd.isna(head) else f"L{int(layer)}-H{int(head)}" for layer, head in pairs]
            continue
        words = "prompts" if name == "n" and of_effects else NAMES.get(name, name.replace("_", " "))
        low = told_with.get(name)
        columns[words] = _cells(rows, name, low, ends[low] if low else None)
        if low:
            lows, highs = rows[low].astype(float), rows[ends[low]].astype(float)
            told_ends = [interval(a, b) if defined(a) and defined(b) else "" for a, b in zip(lows, highs, strict=True)]
            columns["interval" if "interval" not in columns else f"{words} interval"] = told_ends
    said = {name: cells for name, cells in columns.items() if any(cells)}
    return list(said), [list(row) for row in zip(*said.values(), strict=True)]


def _value_of(rows: pd.DataFrame, low: str) -> str | None:
    """The column whose interval begins in `low`: `norm_ci_low` -> `norm_mean`, `low` -> `mean` or `share`."""
    stem = low[:-3].removesuffix("ci_")
    return next((name for name in (*(f"{stem}{ending}" for ending in VALUES), *VALUES) if name in rows), None)


def _cells(rows: pd.DataFrame, name: str, low: str | None, high: str | None) -> list[str]:
    values = rows[name]
    if pd.api.types.is_bool_dtype(values):
        return ["yes" if truth else "no" for truth in values]
    if not pd.api.types.is_numeric_dtype(values):
        return ["" if pd.isna(value) else visible_token(str(value)) for value in values]
    numbers = values.astype(float)
    if low is None and bool((numbers.dropna() % 1 == 0).all()):
        return [fixed(value, 0) if defined(value) else "" for value in numbers]
    lows, highs = (rows[end].astype(float) if end else [None] * len(rows) for end in (low, high))
    return [number(value, a, b) if defined(value) else "" for value, a, b in zip(numbers, lows, highs, strict=True)]
