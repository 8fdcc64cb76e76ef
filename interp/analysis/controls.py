"""What a found set is held against: random sets, and the same search on answers that mean nothing.

A search over hundreds of heads finds *some* small set for anything (Drori 2026 shows it for arbitrary answers), so a set
is shown beside random ones of its size, and beside what the same search finds when every prompt keeps its words but is
asked for another's answer, by a fixed random pairing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

LEAST_ANSWERS = 4  # fewer can hardly be paired at random


def random_sets(n_items: int, size: int, times: int, rng: np.random.Generator) -> list[frozenset[int]]:
    """Sets of `size` items, drawn without replacement."""
    return [frozenset(rng.choice(n_items, size, replace=False).tolist()) for _ in range(times)]


def percentile_of(value: float, others: Float[np.ndarray, " set"]) -> float:
    """Share of the others that the value is above, ties counting half."""
    return float((np.mean(others < value) + np.mean(others <= value)) / 2)


def other_sizes(size: int, n_items: int) -> list[int]:
    """Sizes at which random sets are drawn beside the found one's, for the band of a figure."""
    wanted = [max(1, size // 2), 2 * size, 4 * size, 8 * size, 16 * size]
    return sorted({other for other in wanted if other != size and other < n_items})


def random_pairing(answers: Iterable[str], rng: np.random.Generator) -> dict[str, str]:
    """Every answer with another one in its place: one cycle through all of them, so nobody keeps its own.

    Raises ValueError for fewer than four different answers.
    """
    names = sorted(set(answers))
    if len(names) < LEAST_ANSWERS:
        raise ValueError(f"{len(names)} answers cannot be paired at random")
    cycle = rng.permutation(names).tolist()
    return dict(zip(cycle, cycle[1:] + cycle[:1], strict=True))


def one_of_each(clusters: Sequence[str], rng: np.random.Generator) -> list[int]:
    """One row of every cluster, drawn, in order of the rows: the prompts that controls are run on."""
    order = rng.permutation(len(clusters)).tolist()
    first: dict[str, int] = {}
    for row in order:
        first.setdefault(str(clusters[row]), row)
    return sorted(first.values())
