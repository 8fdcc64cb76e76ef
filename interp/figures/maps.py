"""One small attention map: blue weights, and the key->query cell in red (docs/definitions.md, The figure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from interp.analysis.findings_of_heads import HeadFound
from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.figures import style
from interp.figures.hatching import ABSENT, hatch
from interp.figures.marks import Marks
from interp.figures.sentence import token_labels
from interp.figures.window import Window
from interp.results.tables import RunTables

if TYPE_CHECKING:
    import matplotlib as mpl
    import matplotlib.colors as colors
    import matplotlib.patches as patches
    import pandas as pd
else:
    mpl = lazy("matplotlib")
    colors = lazy("matplotlib.colors")
    patches = lazy("matplotlib.patches")
    pd = lazy("pandas")


Weights = Float[np.ndarray, "query key"]


def attention_weights(tables: RunTables, label: str, heads: Sequence[HeadFound]) -> dict[str, Weights]:
    """Head label -> the focus prompt's attention weights, query rows and key columns, people's positions from 1.

    NaN where the layer's window leaves an edge out: it does not exist, and has no weight.
    """
    prompt = tables.run.focus.prompt
    rows = tables.probe(label, ("layer", "head", "query", "key", "value"), prompt=prompt)
    if rows.empty:
        raise UserError(f"probe {label!r} did not look at the focus prompt; give it `prompts: focus`")
    size, windows = int(rows["query"].max()), tables.run.model.windows
    by_head = {place: part for place, part in rows.groupby(["layer", "head"])}  # noqa: C416 (dict() takes groupby for a mapping)
    maps = {}
    for head in heads:
        part = by_head[head.layer, head.head]
        weights = np.zeros((size, size))
        if (window := windows[head.layer] if windows else None) is not None:
            weights[np.tril_indices(size, -window)] = np.nan
        weights[part["query"].astype(int) - 1, part["key"].astype(int) - 1] = part["value"]
        maps[head.label] = weights
    return maps


def draw_map(axes: Any, weights: Weights, shown: Window, key: int, query: int) -> None:
    """Draw one map, keys to the right and queries upwards; the key->query cell is red, the darker, the larger its weight.

    Of a long prompt, the positions in `shown`; a line stands where some are left out. Edges that do not exist are hatched.
    """
    weights, key, query, size = (
        weights[np.ix_(shown.rows, shown.rows)],
        shown.place(key),
        shown.place(query),
        len(shown),
    )
    absent = np.isnan(weights)
    weights = np.nan_to_num(weights)
    blues = mpl.colormaps[style.WEIGHTS](np.clip(weights, 0, 1))[..., :3]
    blues[np.triu_indices(size, 1)] = 1.0
    blues[absent] = ABSENT
    red = np.array(colors.to_rgb(style.RED))
    # Never paler than a third, so that the cell is found even where the weight is small.
    strength = 0.35 + 0.65 * float(np.clip(weights[query - 1, key - 1], 0, 1))
    if not absent[query - 1, key - 1]:
        blues[query - 1, key - 1] = 1 - strength * (1 - red)
    axes.imshow(blues, interpolation="nearest", origin="lower", extent=(0.5, size + 0.5, 0.5, size + 0.5))
    hatch(axes, [(column + 0.5, row + 0.5) for row, column in np.argwhere(absent).tolist()])
    axes.add_patch(patches.Rectangle((key - 0.5, query - 0.5), 1, 1, fill=False, edgecolor=style.RED, linewidth=0.7))
    for place in shown.breaks:
        for line in (axes.axvline, axes.axhline):
            line(place + 0.5, color=style.GREY, linewidth=0.4, linestyle=(0, (2, 1)))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.4, color=style.GREY)


def weights_table(maps: dict[str, Weights], shown: Window) -> pd.DataFrame:
    """The plotted weights, long."""
    rows = [
        {"head": label, "query": query, "key": key, "weight": weights[query - 1, key - 1]}
        for label, weights in maps.items()
        for query in shown.positions
        for key in shown.positions
        if key <= query and not np.isnan(weights[query - 1, key - 1])
    ]
    return pd.DataFrame(rows, columns=["head", "query", "key", "weight"])


def map_marks(tables: RunTables, axes: Any, label: str, weights: Weights, shown: Window) -> Marks:
    """The cells of a map of `draw_map`, with the tokens of the focus prompt."""
    rows = weights_table({label: weights}, shown)
    x, y = (rows[name].map(shown.place) for name in ("key", "query"))
    words = dict(zip(shown.positions, token_labels(tables, shown.positions), strict=True))
    return Marks(axes, rows.assign(query=rows["query"].map(words), key=rows["key"].map(words)), x, y, cell=True)


def absent_words(maps: Iterable[Weights], shown: Window) -> str:
    """What a caption says of hatched cells; nothing where there are none."""
    if any(np.isnan(weights[np.ix_(shown.rows, shown.rows)]).any() for weights in maps):
        return " Hatched: edges beyond the layer's window, which do not exist."
    return ""
