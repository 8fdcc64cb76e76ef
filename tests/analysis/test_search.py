"""Halves, orders, crossings, controls, Shapley values: each against a case worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.circuits import edge_grid, reranked, strongest_first
from interp.analysis.controls import one_of_each, percentile_of, random_pairing, random_sets
from interp.analysis.crossings import crossing, interpolated
from interp.analysis.discovery import discover
from interp.analysis.halves import second_half, too_few
from interp.analysis.orders import by_size, by_value, greedy, grid
from interp.analysis.shapley import shapley
from interp.analysis.summed import summed_share


def rng(seed=0):
    return np.random.default_rng(seed)


def test_halves_are_of_word_pairs_and_drawn_by_the_seed():
    clusters = [f"pair{i // 3}" for i in range(36)]
    second = second_half(clusters, rng())
    sides = {}
    for cluster, side in zip(clusters, second, strict=True):
        sides.setdefault(cluster, set()).add(bool(side))
    assert all(len(found) == 1 for found in sides.values())
    assert sum(side == {True} for side in sides.values()) == 6
    assert (second == second_half(clusters, rng())).all()
    assert (second != second_half(clusters, rng(1))).any()


def test_too_few_word_pairs_are_one_sentence():
    assert too_few(12) is None
    assert "at least 6 word pairs in each half, so 12 in all, but there are 11" in too_few(11)


def test_both_crossings_of_a_curve_that_falls_again():
    curve, counts = np.array([0.0, 0.5, 0.82, 0.75, 0.9, 1.0]), [0, 1, 2, 3, 4, 8]
    found = crossing(curve, counts, 0.8)
    assert (found.first, found.staying, found.stable) == (2, 4, False)
    assert crossing(curve, counts, 0.7).stable
    assert crossing(curve, counts, 1.1) == crossing(curve[:1], counts[:1], 1.1)
    assert interpolated(curve, counts, 0.95) == pytest.approx(6.0)
    assert interpolated(curve, counts, 0.8) == pytest.approx(3 + 0.05 / 0.15)
    assert interpolated(curve, counts, 1.1) is None
    assert interpolated(curve, counts, -1.0) == 0.0


def test_orders_by_size_and_by_value():
    effect = np.array([0.1, -2.0, 1.0, 1.0])
    assert by_size(effect) == [1, 2, 3, 0]
    assert by_value(effect) == [2, 3, 0, 1]


def test_greedy_leaves_out_what_another_head_does_already():
    """Heads 0 and 1 do the same thing; head 2 is weaker, but new."""
    single = np.array([1.0, 0.9, 0.5, -0.3])

    def mean(sets):
        return np.array(
            [max([single[h] for h in s if h < 2], default=0) + sum(single[h] for h in s if h >= 2) for s in sets]
        )

    everything = mean([frozenset(range(4))])[0]
    assert greedy(single, mean, 0.0, everything, enough=1.2, most=4, width=4)[:2] == [0, 2]
    # Stopped, or with one head tried a step, it goes on by value.
    assert greedy(single, mean, 0.0, everything, enough=0.1, most=4, width=4) == [0, 1, 2, 3]
    assert greedy(single, mean, 0.0, everything, enough=9.0, most=4, width=1) == [0, 1, 2, 3]
    # A metric that grows with damage is lowered, not raised.
    assert greedy(single, lambda sets: -mean(sets), 0.0, -everything, enough=1.2, most=4, width=4)[:2] == [0, 2]


def test_a_grid_begins_with_every_number_and_ends_with_all():
    assert grid(12) == list(range(13))
    counts = grid(270)
    assert counts[:25] == list(range(25))
    assert counts[-1] == 270
    assert counts == sorted(set(counts))
    assert edge_grid(2) == [0, 1, 2]
    assert edge_grid(9720)[-1] == 9720


def test_random_sets_and_the_place_among_them():
    sets = random_sets(20, 5, 50, rng())
    assert all(len(one) == 5 and max(one) < 20 for one in sets)
    assert len(set(sets)) > 40
    assert percentile_of(1.0, np.array([0.0, 0.5, 1.0, 2.0])) == pytest.approx(0.625)


def test_nobody_keeps_the_own_answer_and_too_few_are_refused():
    pairing = random_pairing(["a", "b", "c", "d", "a"], rng())
    assert sorted(pairing) == sorted(pairing.values()) == ["a", "b", "c", "d"]
    assert all(one != other for one, other in pairing.items())
    with pytest.raises(ValueError, match="3 answers cannot be paired"):
        random_pairing(["a", "b", "c"], rng())


def test_one_prompt_of_every_word_pair():
    rows = one_of_each(["a", "a", "b", "b", "c"], rng())
    assert len(rows) == 3
    assert rows == sorted(rows)
    assert rows[-1] == 4


def test_a_head_is_named_by_rate_and_by_size():
    effect, sem = np.array([5.0, 0.05, 0.4, 0.0]), np.array([0.1, 0.001, 0.4, 0.0])
    found = discover(effect, sem, 24, least=0.1)
    assert found.discovered.tolist() == [True, True, False, False]
    assert found.named.tolist() == [True, False, False, False]
    counts = found.counts(effect)
    assert (counts.n_for, counts.n_against, counts.n_too_small, counts.n_undecided) == (1, 0, 1, 2)


def test_shapley_values_sum_to_the_total_and_split_what_is_shared():
    """Heads 0 and 1 do the same (worth 4 together, 4 alone); head 2 adds 1."""

    def value(sets):
        return np.array([4.0 * bool(one & {0, 1}) + 1.0 * (2 in one) for one in sets])

    values, errors = shapley([frozenset({i}) for i in range(3)], value, 50, rng())
    assert values.sum() == pytest.approx(5.0)
    assert values == pytest.approx([2.0, 2.0, 1.0], abs=0.01)  # an order with its reverse is exact here
    assert errors[2] == 0
    assert (errors >= 0).all()


def test_a_half_that_ranks_wrongly_is_told_by_the_other():
    """Each half's noise makes another useless head look best: on the other half it carries nothing."""
    single = np.zeros((24, 4))
    single[:, 0] = 1.0
    second = np.arange(24) >= 12
    single[~second, 1], single[second, 2] = 2.0, 2.0
    boot = Bootstrap([str(i) for i in range(24)], 200, 0.95, rng())
    curve = summed_share(single, second, "net", boot).curve
    assert curve == pytest.approx([0, 0, 1 / 3, 1, 1]) or curve[1] == 0
    assert curve[-1] == 1


def test_re_ranking_finds_an_edge_that_matters_only_once_another_is_gone():
    """Edge 3 stands in for edge 0; the estimate sees it only in a model without edge 0."""

    def score(kept):
        sizes = np.array([1.0, 5.0, 0.5, 0.1])
        if not kept[2]:
            sizes[3] = 9.0
        return np.where(kept, sizes, 0.0)

    assert strongest_first(score(np.ones(4, dtype=bool))).tolist() == [1, 0, 2, 3]
    assert reranked(score, 4, 0.25).tolist() == [1, 0, 2, 3]
    lazy = reranked(lambda kept: score(kept) if kept.all() else np.where(kept, [1.0, 5.0, 9.0, 0.1], 0), 4, 0.25)
    assert lazy.tolist()[0] == 2
