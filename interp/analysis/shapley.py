"""Shapley values of heads: each head's share of the total effect, averaged over the orders in which heads may be added.

A single cut is measured with all other heads in place, so what two heads do for each other is counted twice or not at all:
single effects do not sum to the total. Shapley values do. They are means over random orders (permutation sampling, Castro,
Gomez & Tejada 2009), every order with its reverse, which takes out most of the noise; the standard error is that of the
mean over such pairs of orders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

Players = Sequence[frozenset[int]]
Value = Callable[[Sequence[frozenset[int]]], Float[np.ndarray, " set"]]


def orders(n_players: int, pairs: int, rng: np.random.Generator) -> list[list[int]]:
    """Random orders, each followed by its reverse."""
    drawn: list[list[int]] = []
    for _ in range(pairs):
        order = rng.permutation(n_players).tolist()
        drawn += [order, order[::-1]]
    return drawn


def shapley(
    players: Players, value: Value, pairs: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " player"], Float[np.ndarray, " player"]]:
    """Mean contribution of every player and its standard error (NaN from one pair of orders).

    Args:
        players: sets of heads that are added together; most are single heads.
        value: the metric with a set of heads kept.
        pairs: how many pairs of an order and its reverse.
    """
    gains = np.empty((2 * pairs, len(players)))
    for number, order in enumerate(orders(len(players), pairs, rng)):
        prefixes = [frozenset[int]()]
        for player in order:
            prefixes.append(prefixes[-1] | players[player])
        gains[number, order] = np.diff(value(prefixes))
    means = gains.reshape(pairs, 2, len(players)).mean(axis=1)
    error = means.std(axis=0, ddof=1) / np.sqrt(pairs) if pairs > 1 else np.full(len(players), np.nan)
    return means.mean(axis=0), error
