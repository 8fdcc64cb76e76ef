"""Every interval that a report prints holds what it says: known effects, few and many word pairs, 300 draws each.

The model's place is taken by arithmetic (fake_engine) with redundant heads, a saturating sum and skewed word pairs; the
search, the re-ranking and the intervals are those of the library. Draws come from fixed seeds, so the tests do not flicker.
With 300 draws the coverage of a true 95 % interval is known to within about 2.5 points.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.discovery import discover
from interp.analysis.halves import second_half
from interp.analysis.held_out import held_out
from interp.analysis.search import Searcher
from interp.analysis.summed import summed_share
from tests.analysis.fake_engine import HEADS, Population, metric, singles

DRAWS = 300
FEW, MOST = 0.92, 0.98
KEPT = (5, 7, 9)


def names(n):
    return [f"pair{i}" for i in range(n)]


@pytest.mark.parametrize("n_clusters", [10, 24, 60])
def test_means_and_ratios_of_skewed_values(n_clusters):
    """Two wordings of every word pair; effects are skewed, and a ratio's numerator and denominator belong together."""
    cells, hit = 8, np.zeros((2, 8))
    for draw in range(DRAWS // cells + 1):
        rng = np.random.default_rng([draw, n_clusters])
        pair = rng.gamma(4.0, 0.5, (n_clusters, cells)) + rng.normal(0, 0.3, (n_clusters, cells))
        values = np.repeat(pair, 2, axis=0) + rng.normal(0, 0.3, (2 * n_clusters, cells))
        gap = np.repeat(rng.normal(8, 1.5, n_clusters), 2)
        boot = Bootstrap(np.repeat(names(n_clusters), 2).tolist(), 1000, 0.95, rng)
        for row, (truth, found) in enumerate(((2.0, boot.mean(values)), (0.25, boot.ratio(values, gap)))):
            hit[row] += [one.low <= truth <= one.high for one in found]
    covered = hit.sum(axis=1) / (cells * (DRAWS // cells + 1))
    assert (covered >= FEW).all(), covered
    assert (covered <= MOST).all(), covered


class Draw(NamedTuple):
    """One sample of word pairs: intervals, and what they should hold."""

    low: np.ndarray
    high: np.ndarray
    halves: np.ndarray
    named: np.ndarray
    fresh: bool
    optimism: float


@cache
def big():
    return Population.make().sample(4000, np.random.default_rng(99))


def explained(sets):
    none, everything, *values = metric(big(), [frozenset(), frozenset(range(HEADS)), *sets]).mean(axis=1)
    return (np.array(values) - none) / (everything - none)


@cache
def draws(n_clusters, rerankings=12):
    found = []
    for draw in range(DRAWS):
        rng = np.random.default_rng([draw, n_clusters])
        effects = Population.make().sample(n_clusters, rng)
        none, everything = metric(effects, [frozenset(), frozenset(range(HEADS))])
        second = second_half(names(n_clusters), rng)
        searcher = Searcher(
            lambda sets, rows, part, group="", effects=effects: metric(effects[rows], sets),
            *(singles(effects), none, everything, second, np.arange(n_clusters)),
        )
        halved = searcher.halved("value")
        order = searcher.order("value", np.arange(n_clusters), "all")
        window = searcher.window(halved.kept)
        again = (window, searcher.reranked("value", window, rerankings, rng)) if rerankings else None
        boot = Bootstrap(names(n_clusters), 400, 0.95, rng)
        curve = held_out(halved.kept, none, everything, halved.counts, boot, rng, again)
        low, high = curve.band()
        at = curve.at(7)
        new = metric(
            Population.make().sample(n_clusters, rng), [frozenset(), frozenset(range(HEADS)), frozenset(order[:7])]
        ).mean(axis=1)
        sets = [frozenset(half[:n]) for half in halved.by_half for n in KEPT]
        in_sample = metric(effects, [frozenset(order[:5])]).mean() - none.mean()
        found.append(
            Draw(
                low[list(KEPT)],
                high[list(KEPT)],
                explained(sets).reshape(2, -1).mean(axis=0),
                explained([frozenset(order[:n]) for n in KEPT]),
                at["fresh_low"] <= (new[2] - new[0]) / (new[1] - new[0]) <= at["fresh_high"],
                in_sample / (everything - none).mean() - curve.curve[5],
            )
        )
    return found


@pytest.mark.parametrize("n_clusters", [24, 60])
def test_the_held_out_share_of_a_chosen_set(n_clusters):
    """On all word pairs there are, of the sets that the procedure chooses, and of the very set that it names."""
    found = draws(n_clusters)
    low, high = (np.array([getattr(one, side) for one in found]) for side in ("low", "high"))
    procedure = np.mean([one.halves for one in found], axis=0)
    named = np.array([one.named for one in found])
    for truth in (procedure, named):
        covered = ((low <= truth) & (truth <= high)).mean(axis=0)
        assert (covered >= FEW - 0.015).all(), covered
        assert (covered <= MOST).all(), covered
        assert FEW <= covered.mean() <= MOST, covered
    assert FEW <= np.mean([one.fresh for one in found]) <= MOST


def test_without_re_ranking_the_interval_would_be_too_narrow():
    held = draws(60, rerankings=0)
    truth = np.mean([one.halves for one in draws(60)], axis=0)
    covered = np.mean([(one.low <= truth) & (truth <= one.high) for one in held], axis=0)
    assert covered.mean() < FEW


def test_measuring_on_the_prompts_that_chose_flatters():
    assert np.mean([one.optimism for one in draws(24)]) > 0.01


@pytest.mark.parametrize("n_clusters", [12, 24, 60])
@pytest.mark.parametrize("kind", ["net", "absolute"])
def test_the_held_out_share_of_summed_effects(kind, n_clusters):
    found = []
    for draw in range(DRAWS):
        rng = np.random.default_rng([draw, n_clusters])
        single = singles(Population.make().sample(n_clusters, rng))
        second, boot = second_half(names(n_clusters), rng), Bootstrap(names(n_clusters), 400, 0.95, rng)
        share = summed_share(single, second, kind, boot)
        found.append((share.curve[5], *(side[5] for side in boot.interval(share.samples, share.curve))))
    truth = np.mean([one[0] for one in found])
    covered = np.mean([one[1] <= truth <= one[2] for one in found])
    # 300 draws leave an error of 0.8 points; 900 gave 97.1 to 98.3 %.
    assert FEW <= covered <= MOST + 0.008, covered


def test_named_heads_keep_their_false_discovery_rate():
    """Half of the heads do nothing: of those that are named at most 5 % are among them, on average."""
    wrong = []
    for draw in range(DRAWS):
        rng = np.random.default_rng([draw, 7])
        truth = np.where(np.arange(100) < 50, 0.0, rng.normal(0, 1.0, 100))
        values = truth + rng.normal(0, 1, (24, 100))
        sem = values.std(axis=0, ddof=1) / np.sqrt(24)
        found = discover(values.mean(axis=0), sem, 24, least=0.0)
        wrong.append(found.named[:50].sum() / max(1, found.named.sum()))
        assert found.named.sum() > 5
    assert np.mean(wrong) <= 0.05


@pytest.mark.parametrize("n_clusters", [24, 60])
def test_nonsense_comes_out_as_nonsense(n_clusters):
    """Effects of mean 0: the total's interval holds 0 as often as it says, and held out the best heads carry nothing."""
    hit, held, flattered = 0, [], []
    for draw in range(DRAWS):
        rng = np.random.default_rng([draw, n_clusters, 5])
        effects = Population.make(nonsense=True).sample(n_clusters, rng)
        none, everything = metric(effects, [frozenset(), frozenset(range(HEADS))])
        boot = Bootstrap(names(n_clusters), 400, 0.95, rng)
        total = boot.mean((everything - none)[:, None])[0]
        hit += total.low <= 0 <= total.high
        searcher = Searcher(
            lambda sets, rows, part, group="", effects=effects: metric(effects[rows], sets),
            *(singles(effects), none, everything, second_half(names(n_clusters), rng), np.arange(n_clusters)),
        )
        for half in (0, 1):
            rows, others = searcher.half(half), searcher.half(1 - half)
            best = [frozenset(searcher.order("value", rows, "")[:7])]
            sign = np.sign((everything - none)[rows].mean())
            held.append(sign * (metric(effects[others], best)[0] - none[others]).mean())
            flattered.append(sign * (metric(effects[rows], best)[0] - none[rows]).mean())
    assert FEW <= hit / DRAWS <= MOST
    assert abs(np.mean(held)) < 3 * np.std(held) / np.sqrt(DRAWS)
    # On the prompts that chose them the same heads seem to carry a lot.
    assert np.mean(flattered) > 10 * abs(np.mean(held))


def test_bca_is_that_of_scipy():
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, 1.0, 12)
    theirs = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=40_000, confidence_level=0.9, rng=np.random.default_rng(1)
    ).confidence_interval
    ours = Bootstrap(names(12), 40_000, 0.9, rng)
    # Scipy's levels are the nominal ones; ours lie further out, as few clusters need.
    ours.tail = lambda: 0.05
    low, high = ours.mean_interval(values)
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.02)
    assert Bootstrap(names(12), 100, 0.9, rng).tail() < 0.05
