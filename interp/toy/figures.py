"""Attention of the dense and the sparse adder."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from interp.figures import style
from interp.figures.base import Drawn, new_figure

CARRIES = ("no carry", "one carry", "double carry")
MODELS = ("dense", "sparse")


def by_example(attention: pd.DataFrame) -> Drawn:
    """One row an example, one map a layer: the largest weight of any head, for both models."""
    layers = sorted(attention["layer"].unique())
    examples = list(dict.fromkeys(attention["sum"]))
    with mpl.rc_context(style.STYLE):
        figure = new_figure(style.PAGE, 0.35 + 1.12 * len(examples))
        grid = figure.subplots(
            len(examples), 2 * len(layers) + 1, squeeze=False,
            width_ratios=[*([1] * len(layers)), 0.12, *([1] * len(layers))],
        )  # fmt: skip
        for line, sum_ in enumerate(examples):
            here = attention[attention["sum"] == sum_]
            grid[line, len(layers)].set_axis_off()
            for side, model in enumerate(MODELS):
                for number, layer in enumerate(layers):
                    axes = grid[line, number + side * (len(layers) + 1)]
                    part = here[(here["model"] == model) & (here["layer"] == layer)]
                    _map(axes, part.groupby(["query", "key"])["weight"].max(), sum_)
                    if line == 0:
                        axes.set_title(f"{model}, layer {layer}", fontsize=6.5, pad=3)
            words = CARRIES[int(here["carries"].iloc[0])]
            grid[line, 0].set_ylabel(f"{sum_.split('=')[0]}: {words}", fontsize=7)
    caption = (
        "Attention of the dense (left) and the sparse model (right), one row a sum. Rows of a map: queries upwards; columns: "
        "keys, both labelled with their tokens; blue: the largest weight of any head of the layer. Open edges only: the "
        "sparse model's white cells are exactly 0."
    )
    data = attention.groupby(["model", "sum", "layer", "query", "key"], sort=False)["weight"].max().reset_index()
    return Drawn(figure, data, "No carry, one carry, double carry", caption)


def all_heads(attention: pd.DataFrame) -> Drawn:
    """Every head of both models on the sum with one carry (the first sum when there is none)."""
    one = attention[attention["carries"] == 1]
    sum_ = (one if len(one) else attention)["sum"].iloc[0]
    here = attention[attention["sum"] == sum_]
    layers, heads = sorted(here["layer"].unique()), sorted(here["head"].unique())
    with mpl.rc_context(style.STYLE):
        figure = new_figure(style.PAGE, 0.3 + 0.8 * len(layers))
        grid = figure.subplots(
            len(layers), 2 * len(heads) + 1, squeeze=False,
            width_ratios=[*([1] * len(heads)), 0.12, *([1] * len(heads))],
        )  # fmt: skip
        for line, layer in enumerate(reversed(layers)):
            grid[line, len(heads)].set_axis_off()
            for side, model in enumerate(MODELS):
                for number, head in enumerate(heads):
                    axes = grid[line, number + side * (len(heads) + 1)]
                    part = here[(here["model"] == model) & (here["layer"] == layer) & (here["head"] == head)]
                    _map(axes, part.set_index(["query", "key"])["weight"], sum_, labels=False)
                    axes.set_title(f"{model} L{layer}-H{head}", fontsize=6.5, pad=2)
    caption = (
        f"Attention maps of every head on {sum_}, dense (left) and sparse (right), the last layer on top. Queries upwards, "
        "keys across; blue: weight."
    )
    return Drawn(figure, here, "All heads, one carry", caption)


def _map(axes: Any, weights: pd.Series, sum_: str, labels: bool = True) -> None:
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
