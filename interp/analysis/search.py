"""The search for heads: choose on one half of the word pairs, measure on the other, both ways round, in three orders.

Everything that needs the model goes through one function, `ask`: the metric with a set of heads kept and every other
head's edge replaced. So the search can be taken again over what was measured, and a test can put arithmetic in the
model's place. What it asks depends on the answers so far and on the seed, on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.analysis.crossings import TARGETS, lasting
from interp.analysis.held_out import share
from interp.analysis.orders import Order, by_size, by_value, greedy, grid

Sets = Sequence[frozenset[int]]
Rows = Int[np.ndarray, " row"]


Ask = Callable[[Sets, Rows, str, str], Float[np.ndarray, "set row"]]
"""(sets, rows, part, group) -> the metric with each set of heads kept, on the prompts with these numbers; `part` and `group`
label what is asked."""


@dataclass(frozen=True)
class Halved:
    """One order: what each half put first, run on the other half; and the order that all word pairs give."""

    by_half: tuple[tuple[int, ...], tuple[int, ...]]
    kept: Float[np.ndarray, "prompt point"]
    counts: tuple[int, ...]


@dataclass
class Searcher:
    """The prompts, the measured single effects, and the way to ask.

    Args:
        single: what the metric loses when one head's edge is replaced alone, positive where it carries the answer.
        none, everything: the metric with no head kept, and with all.
        second: which prompts belong to the second half.
        members: the number of each prompt's cluster, for re-ranking on resampled word pairs.
    """

    ask: Ask
    single: Float[np.ndarray, "prompt head"]
    none: Float[np.ndarray, " prompt"]
    everything: Float[np.ndarray, " prompt"]
    second: Bool[np.ndarray, " prompt"]
    members: Int[np.ndarray, " prompt"]
    enough: float = 0.95
    most: int = 30
    width: int = 6

    @property
    def n_heads(self) -> int:
        """Candidates."""
        return self.single.shape[1]

    @property
    def counts(self) -> list[int]:
        """Numbers of heads at which curves are run."""
        return grid(self.n_heads)

    def half(self, number: int) -> Rows:
        """The prompts of one half."""
        return np.flatnonzero(self.second == bool(number))

    def order(self, kind: Order, rows: Rows, group: str, weights: Float[np.ndarray, " row"] | None = None) -> list[int]:
        """Heads in the order that these prompts, weighted, give."""
        none, everything = (float(np.average(side[rows], weights=weights)) for side in (self.none, self.everything))
        # A metric that grows with damage, such as a divergence, is carried by what lowers it.
        effect = np.average(self.single[rows], axis=0, weights=weights) * (1.0 if everything >= none else -1.0)
        if kind == "size":
            return by_size(effect)
        if kind == "value":
            return by_value(effect)

        def mean(sets: Sets) -> Float[np.ndarray, " set"]:
            return np.asarray(np.average(self.ask(sets, rows, "greedy", group), axis=1, weights=weights))

        return greedy(effect, mean, none, everything, self.enough, self.most, self.width)

    def halved(self, kind: Order) -> Halved:
        """Each half's order, run on the other half."""
        orders = [self.order(kind, self.half(number), f"{kind} half {number}") for number in (0, 1)]
        kept = self._crossed(orders, self.counts, "held_out", kind)
        return Halved((tuple(orders[0]), tuple(orders[1])), kept, tuple(self.counts))

    def in_sample(self, order: Sequence[int], kind: str) -> Float[np.ndarray, "prompt point"]:
        """The curve of an order on all prompts, those that gave it included."""
        return self._curve(order, self.counts, np.arange(len(self.none)), "in_sample", kind)

    def reranked(
        self, kind: Order, window: Sequence[int], times: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "order prompt window"]:
        """The held-out curve in orders from resampled halves, run exactly at `window` numbers of heads."""
        curves = []
        for number in range(times):
            orders = []
            for half in (0, 1):
                rows = self.half(half)
                names, member = np.unique(self.members[rows], return_inverse=True)
                drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)))[member]
                orders.append(self.order(kind, rows, f"{kind} re-ranking {number} half {half}", drawn.astype(float)))
            curves.append(self._crossed(orders, window, "reranked", f"{kind} {number}"))
        return np.stack(curves)

    def window(self, kept: Float[np.ndarray, "prompt point"], at_most: int = 10) -> list[int]:
        """The numbers of heads at which re-ranking matters: from half of what the lowest target needs to twice what the
        highest does."""
        curve, counts = share(kept, self.none, self.everything), self.counts
        ends = [lasting(curve, target) for target in TARGETS]
        reached = [counts[place] for place in ends if place is not None] or [counts[len(counts) // 2]]
        inside = [n for n in counts[1:-1] if min(reached) / 2 <= n <= 2 * max(reached)]
        if len(inside) <= at_most:
            return inside
        return [inside[place] for place in np.linspace(0, len(inside) - 1, at_most).round().astype(int)]

    def _crossed(
        self, orders: Sequence[Sequence[int]], counts: Sequence[int], part: str, group: str
    ) -> Float[np.ndarray, "prompt point"]:
        kept = np.empty((len(self.none), len(counts)))
        for half in (0, 1):
            rows = self.half(1 - half)
            kept[rows] = self._curve(orders[half], counts, rows, part, f"{group} half {half}")
        return kept

    def _curve(
        self, order: Sequence[int], counts: Sequence[int], rows: Rows, part: str, group: str
    ) -> Float[np.ndarray, "row point"]:
        """The metric with the first n kept; n = 0 and n = all are known."""
        inner = [n for n in counts if 0 < n < self.n_heads]
        values = (
            self.ask([frozenset(order[:n]) for n in inner], rows, part, group).T if inner else self.none[rows][:, None]
        )
        ends = {0: self.none[rows], self.n_heads: self.everything[rows]}
        columns = [ends[n] if n in ends else values[:, inner.index(n)] for n in counts]
        return np.stack(columns, axis=1)
