"""Arithmetic in the model's place: heads with known effects that vary over word pairs and interact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

HEADS = 40
PAIRS = ((0, 1), (2, 3))  # heads that carry the same thing: one of the two is nearly enough


@dataclass(frozen=True)
class Population:
    """Where word pairs come from: `mean` and `spread` of every head's effect."""

    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def make(cls, seed: int = 0, n_heads: int = HEADS, nonsense: bool = False) -> Population:
        """A few strong heads, many weak ones and a strong one against; with `nonsense`, only the spread."""
        rng = np.random.default_rng(seed)
        mean = np.concatenate(
            [[1.6, 1.5, 1.2, 1.1, 0.9, 0.7, 0.6, 0.45, 0.35, -0.5], rng.normal(0, 0.06, n_heads - 10)]
        )
        spread = 0.15 + 0.5 * np.abs(mean) + rng.uniform(0, 0.15, n_heads)
        return cls(0 * mean if nonsense else mean, spread)

    def sample(self, n_clusters: int, rng: np.random.Generator) -> np.ndarray:
        """Effects of every head on new word pairs: [cluster, head]; skewed, as effects are, but for nonsense."""
        if not self.mean.any():
            return self.spread * rng.normal(size=(n_clusters, len(self.mean)))
        skewed = rng.gamma(4.0, 1.0, (n_clusters, len(self.mean))) / 2 - 2
        return self.mean + self.spread * skewed


def metric(effects: np.ndarray, sets: Sequence[frozenset[int]]) -> np.ndarray:
    """The metric of every set on every word pair, [set, cluster]: redundant pairs, and a sum that saturates."""
    kept = np.zeros((len(sets), effects.shape[1]))
    for number, one in enumerate(sets):
        kept[number, list(one)] = 1.0
    total = kept @ effects.T
    for first, second in PAIRS:
        both = kept[:, first] * kept[:, second]
        one, other = effects[:, first], effects[:, second]
        shared = np.where(one * other > 0, np.sign(one) * np.minimum(np.abs(one), np.abs(other)), 0.0)
        total -= 0.6 * both[:, None] * shared
    return total + 1.5 * np.tanh(total / 4)


def singles(effects: np.ndarray) -> np.ndarray:
    """What the metric loses when one head is cut from all: [cluster, head]."""
    everyone = frozenset(range(effects.shape[1]))
    values = metric(effects, [everyone, *(everyone - {head} for head in sorted(everyone))])
    return (values[0] - values[1:]).T
