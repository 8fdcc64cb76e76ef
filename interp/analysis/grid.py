"""Which positions matter in which layer: the position grid of docs/definitions.md and the sentences about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from interp.configs.lazy import lazy

if TYPE_CHECKING:
    import pandas as pd
    from scipy import stats
else:
    pd = lazy("pandas")
    stats = lazy("scipy.stats")


@dataclass(frozen=True)
class Drift:
    """Effect-weighted mean position in the first and the last third of the layers, and its Spearman correlation with
    the layer: a description, no test, since layers are not independent samples."""

    rho: float
    early: float
    late: float
    n_layers: int


@dataclass(frozen=True)
class Connectivity:
    """The fewest edges that hold `share` of the summed absolute effect."""

    n_needed: int
    n_edges: int
    fraction: float
    share: float


def position_grid(edges: pd.DataFrame, threshold: float, gap: float) -> pd.DataFrame:
    """For every layer and position: does it matter as a key, as a query?

    Args:
        edges: summary rows of an edge_patching probe over causal pairs, positions as numbers in `key_label` and
            `query_label`, `mean` the effect in metric units.
        threshold: share of the clean-corrupted gap that counts.
        gap: that gap, in metric units.

    A position matters as a key (query) in a layer when the largest edge of any head from (into) it changes the metric
    by at least the threshold. Columns: layer, position, key_effect, query_effect (largest |effect| / gap), is_key,
    is_query.
    """
    size = edges.assign(size=edges["mean"].abs() / abs(gap))
    sides = []
    for side in ("key", "query"):
        largest = size.assign(position=size[f"{side}_label"].astype(int)).groupby(["layer", "position"])["size"].max()
        sides.append(largest.rename(f"{side}_effect"))
    grid = pd.concat(sides, axis=1).fillna(0.0).reset_index()
    grid["is_key"], grid["is_query"] = grid["key_effect"] >= threshold, grid["query_effect"] >= threshold
    return grid.sort_values(["layer", "position"], ignore_index=True)


def drift(edges: pd.DataFrame, side: Literal["key", "query"]) -> Drift | None:
    """How key (query) positions move with depth; None with fewer than four layers that have any effect.

    The last layer is left out: whatever it writes anywhere but at the query cannot be read.
    """
    inner = edges[edges["layer"] < edges["layer"].max()]
    weight = inner["mean"].abs()
    table = pd.DataFrame(
        {"layer": inner["layer"].astype(int), "w": weight, "wk": weight * inner[f"{side}_label"].astype(int)}
    )
    sums = table.groupby("layer")[["w", "wk"]].sum()
    sums = sums[sums["w"] > 0]
    position = (sums["wk"] / sums["w"]).to_numpy()
    if len(position) < 4 or np.ptp(position) == 0:
        return None
    third = max(1, len(position) // 3)
    rho = float(stats.spearmanr(sums.index.to_numpy(), position)[0])
    return Drift(rho, float(position[:third].mean()), float(position[-third:].mean()), len(position))


def strongest_edges(edges: pd.DataFrame, threshold: float, gap: float) -> list[tuple[int, int, list[int]]]:
    """(key, query, layers): the pairs of positions that are the strongest of a layer, with the layers where they are.

    Only layers whose strongest edge changes the metric by at least `threshold` of the clean-corrupted gap; in order of the
    first layer.
    """
    size = edges["mean"].abs() / abs(gap)
    best = edges.assign(size=size).sort_values("size", ascending=False, kind="stable").drop_duplicates("layer")
    layers_of: dict[tuple[int, int], list[int]] = {}
    for row in best[best["size"] >= threshold].sort_values("layer").to_dict("records"):
        layers_of.setdefault((int(row["key_label"]), int(row["query_label"])), []).append(int(row["layer"]))
    return [(key, query, layers) for (key, query), layers in layers_of.items()]


def connectivity(edges: pd.DataFrame, share: float = 0.8) -> Connectivity:
    """How many of the edges hold the share of the summed absolute effect."""
    sizes = np.sort(edges["mean"].abs().to_numpy())[::-1]
    total = sizes.sum()
    needed = int(np.searchsorted(np.cumsum(sizes), share * total * (1 - 1e-12))) + 1 if total > 0 else 0
    return Connectivity(needed, len(sizes), needed / len(sizes), share)
