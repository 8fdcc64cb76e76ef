"""Orders in which heads are kept: by size, by value, and greedily.

size     by |single effect|, largest first: a head that works against the answer stands early, and lowers the curve.
value    by signed single effect: what carries the answer comes first, what works against it last.
greedy   forward selection: to the heads kept so far, add the one whose edge raises the metric most, run exactly. Every step
         tries the `width` best by single effect among those that are left, not all of them; beyond its last step the
         order goes on by value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float

Order = Literal["size", "value", "greedy"]
ORDERS: tuple[Order, ...] = ("size", "value", "greedy")
Mean = Callable[[Sequence[frozenset[int]]], Float[np.ndarray, " set"]]
"""The mean metric with each set of heads kept and every other head's edge replaced."""


def by_size(effect: Float[np.ndarray, " head"]) -> list[int]:
    """Heads by the absolute size of their mean effect, largest first; ties by number."""
    return [int(head) for head in np.argsort(-np.abs(effect), kind="stable")]


def by_value(effect: Float[np.ndarray, " head"]) -> list[int]:
    """Heads by their signed mean effect, largest first; ties by number."""
    return [int(head) for head in np.argsort(-effect, kind="stable")]


def greedy(
    effect: Float[np.ndarray, " head"], mean: Mean, none: float, everything: float, enough: float, most: int, width: int
) -> list[int]:
    """All heads: those that forward selection adds until the share is `enough` or `most` are kept, then the rest by value.

    Args:
        effect: single effects, positive where a head carries the answer.
        mean: the mean metric of sets of kept heads.
        none, everything: that metric with no head kept and with all.
    """
    waiting, kept = by_value(effect), list[int]()
    sign = 1.0 if everything >= none else -1.0
    while waiting and len(kept) < most:
        tried = waiting[:width]
        values = sign * mean([frozenset([*kept, head]) for head in tried])
        best = int(np.argmax(values))
        kept.append(tried[best])
        waiting.remove(tried[best])
        if everything == none or (sign * values[best] - none) / (everything - none) >= enough:
            break
    return kept + waiting


def grid(n_items: int, dense: int = 24, step: float = 1.3) -> list[int]:
    """Numbers of items to keep: every one up to `dense`, then steps of 30 %, and all."""
    counts = list(range(min(dense, n_items) + 1))
    while counts[-1] < n_items:
        counts.append(min(n_items, int(np.ceil(counts[-1] * step))))
    return counts
