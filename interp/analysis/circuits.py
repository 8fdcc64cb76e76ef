"""Orders of attention edges, and how many of them explain a share of what all of them do (docs/definitions.md, "Circuits").

Edges outside a circuit have their value of the corrupted run. A circuit is *sufficient* as far as the metric survives
when only its edges keep their own value, *necessary* as far as it is lost when they alone are replaced:

    sufficient(n) = (m(best n kept) - m(none)) / (m(all) - m(none))
    necessary(n)  = (m(all) - m(best n replaced)) / (m(all) - m(none))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

EdgeOrder = Literal["exact", "integrated", "reranked"]
Direction = Literal["sufficient", "necessary"]
DIRECTIONS: tuple[Direction, Direction] = ("sufficient", "necessary")

Score = Callable[[Bool[np.ndarray, " edge"]], Float[np.ndarray, " edge"]]
"""Estimated effect of removing each edge from a model in which only the given ones are kept."""


def strongest_first(effect: Float[np.ndarray, " edge"]) -> Int[np.ndarray, " edge"]:
    """Edges by the size of their effect, largest first; ties by number."""
    return np.argsort(-np.abs(effect), kind="stable")


def reranked(score: Score, n_edges: int, remove: float) -> Int[np.ndarray, " edge"]:
    """Edges in the reverse of the order in which they can be spared.

    A part `remove` of the edges that are left, the ones with the smallest effect, is removed; the effects of the others are
    estimated anew in the model that is left; and so on. Effects depend on what else is there, so this finds edges that an
    order made once, with everything in place, does not.
    """
    kept = np.ones(n_edges, dtype=bool)
    spared: list[Int[np.ndarray, " some"]] = []
    while kept.any():
        places = np.flatnonzero(kept)
        sizes = np.abs(score(kept))[places]
        gone = places[np.argsort(sizes, kind="stable")[: max(1, int(remove * len(places)))]]
        spared.append(gone)
        kept[gone] = False
    return np.concatenate(spared)[::-1].copy()


def edge_grid(n_edges: int, step: float = 1.4) -> list[int]:
    """Numbers of edges to keep: 0, 1, 2, then steps of 40 %, and all: even on a logarithmic axis."""
    counts = [0, 1, 2]
    while counts[-1] < n_edges:
        counts.append(min(n_edges, int(np.ceil(counts[-1] * step))))
    return [n for n in counts if n <= n_edges]
