"""Attention of the dense and the sparse adder."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from interp.figures import style
from interp.figures.base import Drawn, new_figure
from interp.figures.marks import Marks

CARRIES = ("no carry", "one carry", "double carry")
MODELS = ("dense", "sparse")


def by_example(attention: pd.DataFrame) -> Drawn:
    """A block of rows an example, one map a layer: the largest weight of any head, for both models."""
    layers, examples = sorted(attention["layer"].unique().tolist()), list(dict.fromkeys(attention["sum"]))
    lines, marks = [(sum_, *line) for sum_ in examples for line in _lines(layers, 3)], []
    with mpl.rc_context(style.STYLE):
        figure, grid = _grid(len(lines), min(3, len(layers)), len(lines) == len(examples), 1.12)
        for row, (sum_, models, shown) in zip(grid, lines, strict=True):
            here = attention[attention["sum"] == sum_]
            for axes, (model, layer) in zip(row, itertools.product(models, shown), strict=False):
                part = here[(here["model"] == model) & (here["layer"] == layer)]
                weights = part.groupby(["query", "key"])["weight"].max()
                marks.append(_map(axes, weights, sum_, f"{model}, layer {layer}"))
                if sum_ == examples[0] or len(models) == 1:
                    axes.set_title(f"{model}, layer {layer}", fontsize=6.5, pad=3)
            words = CARRIES[int(here["carries"].iloc[0])]
            row[0].set_ylabel(f"{sum_.split('=')[0]}: {words}", fontsize=6.5)
    caption = (
        "Attention of the dense and the sparse model, for every sum one map a layer. Rows of a map: queries upwards; columns: "
        "keys, both labelled with their tokens; blue: the largest weight of any head of the layer. Open edges only: the "
        "sparse model's white cells are exactly 0."
    )
    data = attention.groupby(["model", "sum", "layer", "query", "key"], sort=False)["weight"].max().reset_index()
    return Drawn(figure, data, "No carry, one carry, double carry", caption, marks)


def all_heads(attention: pd.DataFrame) -> Drawn:
    """Every head of both models on the sum with one carry (the first sum when there is none)."""
    one_carry = attention[attention["carries"] == 1]
    sum_ = (one_carry if len(one_carry) else attention)["sum"].iloc[0]
    here = attention[attention["sum"] == sum_]
    layers, heads = sorted(here["layer"].unique().tolist(), reverse=True), sorted(here["head"].unique().tolist())
    lines, marks = [(layer, *line) for layer in layers for line in _lines(heads, 5)], []
    with mpl.rc_context(style.STYLE):
        figure, grid = _grid(len(lines), min(5, len(heads)), len(lines) == len(layers), 0.8)
        for row, (layer, models, shown) in zip(grid, lines, strict=True):
            for axes, (model, head) in zip(row, itertools.product(models, shown), strict=False):
                part = here[(here["model"] == model) & (here["layer"] == layer) & (here["head"] == head)]
                name = f"{model} L{layer}-H{head}"
                marks.append(_map(axes, part.set_index(["query", "key"])["weight"], sum_, name, labels=False))
                axes.set_title(name, fontsize=6.5, pad=2)
    caption = (
        f"Attention maps of every head on {sum_}, dense and sparse, the last layer on top. Queries upwards, keys across; "
        "blue: weight."
    )
    return Drawn(figure, here, "All heads, one carry", caption, marks)


def _lines(maps: list[int], most: int) -> list[tuple[tuple[str, ...], list[int]]]:
    """(models, maps) of every line: both models side by side, or below each other where one has more than `most` maps."""
    if len(maps) <= most:
        return [(MODELS, maps)]
    return [((model,), line) for model in MODELS for line in _batched(maps, 2 * most)]


def _grid(lines: int, side: int, both: bool, height: float) -> tuple[Any, list[list[Any]]]:
    """A figure with `lines` rows of 2 x `side` maps, a gap in the middle where both models stand in a row."""
    figure = new_figure(style.PAGE, 0.35 + height * lines)
    ratios = [*([1.0] * side), 0.12, *([1.0] * side)] if both else [1.0] * 2 * side
    grid = figure.subplots(lines, len(ratios), squeeze=False, width_ratios=ratios)
    for axes in grid.flat:
        axes.set_axis_off()
    return figure, [[axes for place, axes in enumerate(row) if not (both and place == side)] for row in grid]


def _map(axes: Any, weights: pd.Series, sum_: str, name: str, labels: bool = True) -> Marks:
    """Draw a map; its cells, each with its tokens."""
    axes.set_axis_on()
    table = weights.reset_index()
    query, key = table["query"].to_numpy(), table["key"].to_numpy()
    size = int(query.max())
    grid = np.zeros((size, size))
    grid[query - 1, key - 1] = table["weight"]
    axes.imshow(grid, cmap=style.WEIGHTS, vmin=0, vmax=1, origin="lower", interpolation="nearest")
    axes.set_xticks(range(size) if labels else [], list(sum_[:size]) if labels else [], fontsize=6)
    axes.set_yticks(range(size) if labels else [], list(sum_[:size]) if labels else [], fontsize=6)
    axes.tick_params(length=0, pad=1)
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.4, color=style.GREY)
    said = {"map": name, **{end: [f"{at} {sum_[at - 1]}" for at in table[end]] for end in ("query", "key")}}
    return Marks(axes, pd.DataFrame({**said, "weight": table["weight"]}), key - 1, query - 1, cell=True)


def _batched(maps: list[int], most: int) -> list[list[int]]:
    return [maps[start : start + most] for start in range(0, len(maps), most)]
