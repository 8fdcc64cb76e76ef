from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.seeding import generator

# Multiples of 1/1024: what a shift of 100 rounds to a tie was none before, and BCa counts ties.
NUMBERS = st.integers(-102_400, 102_400).map(lambda number: number / 1024)


def boot(clusters, n_resamples=2000, seed=0, confidence=0.95):
    return Bootstrap(clusters, n_resamples, confidence, generator(seed, "test"))


def test_one_prompt_a_cluster_is_scipys_percentile_bootstrap():
    values = np.random.default_rng(0).normal(3, 2, size=40)
    resamples = boot([str(i) for i in range(40)], 20_000)
    ours = resamples.mean(values[:, None])[0]
    assert 0.02 < resamples.tail() < 0.025  # a little beyond the nominal level, as 40 clusters need
    level = 1 - 2 * resamples.tail()
    theirs = stats.bootstrap((values,), np.mean, method="percentile", confidence_level=level, n_resamples=20_000, rng=1)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.03)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.03)
    assert ours.sem == pytest.approx(stats.sem(values))


def test_repeating_every_prompt_does_not_narrow_the_interval():
    values = np.random.default_rng(1).normal(size=30)
    clusters = [str(i) for i in range(30)]
    once = boot(clusters).mean(values[:, None])[0]
    four_times = boot(clusters * 4).mean(np.tile(values, 4)[:, None])[0]
    assert (four_times.low, four_times.high) == pytest.approx((once.low, once.high))
    assert four_times.sem == pytest.approx(once.sem)
    assert (four_times.n, four_times.n_clusters) == (120, 30)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(2)
    hits = 0
    for trial in range(200):
        effects = rng.normal(1.0, 1.0, size=25)
        values = np.repeat(effects, 3) + rng.normal(0, 0.5, size=75)
        one = boot([str(i) for i in np.repeat(np.arange(25), 3)], 400, seed=trial).mean(values[:, None])[0]
        hits += one.low <= 1.0 <= one.high
    assert 0.87 <= hits / 200 <= 0.99


def test_one_cluster_says_nothing_about_the_spread():
    one = boot(["a", "a"]).mean(np.array([[1.0], [3.0]]))[0]
    assert one.mean == 2
    assert np.isnan([one.low, one.high, one.sem]).all()
    assert one.as_dict()["low"] is None


@given(arrays(float, 8, elements=NUMBERS), st.floats(0.1, 10), NUMBERS)
def test_scaling_and_shifting(values, scale, shift):
    clusters = list("aabbccdd")
    plain, moved = boot(clusters, 200).mean(np.stack([values, scale * values + shift], axis=1))
    for before, after in ((plain.mean, moved.mean), (plain.low, moved.low), (plain.high, moved.high)):
        assert after == pytest.approx(scale * before + shift, abs=1e-6)


@given(st.permutations(range(8)))
def test_the_order_of_prompts_does_not_matter(order):
    values, clusters = np.arange(8.0) ** 2, np.array(list("abcdefgh"))
    before = boot(list(clusters), 200).mean(values[:, None])[0]
    after = boot(list(clusters[order]), 200).mean(values[order][:, None])[0]
    assert (after.low, after.high) == pytest.approx((before.low, before.high))


def test_a_ratio_resamples_both_sides_together():
    below = np.array([1.0, 2.0, 5.0, 9.0])
    one = boot(list("abcd")).ratio((3 * below)[:, None], below)[0]
    assert (one.mean, one.low, one.high) == pytest.approx((3, 3, 3))


def test_missing_values_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        boot(["a", "b"]).mean(np.array([[1.0], [np.nan]]))


def test_generators_depend_on_seed_and_label_alone():
    draws = [generator(*of).random() for of in ((0, "a"), (0, "a"), (0, "b"), (1, "a"), (0, "a", "b"))]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 4


def test_resamples_within_two_parts_keep_the_size_of_each():
    clusters = ["a", "a", "b", "c", "c", "d", "e"]
    part = np.array([one in "ab" for one in clusters])
    boot = Bootstrap(clusters, 200, 0.95, np.random.default_rng(0))
    before = boot.weights.copy()
    drawn = boot.within(part)
    firsts = [clusters.index(one) for one in "abcde"]
    assert (drawn[:, firsts[:2]].sum(axis=1) == 2).all()
    assert (drawn[:, firsts[2:]].sum(axis=1) == 3).all()
    assert (drawn[:, 0] == drawn[:, 1]).all()  # both prompts of a cluster
    assert len(np.unique(drawn[:, firsts], axis=0)) > 20
    assert (boot.weights == before).all()
    with pytest.raises(ValueError, match="in both parts"):
        boot.within(np.array([True, False, True, False, False, False, False]))
