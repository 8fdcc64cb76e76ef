"""Paired differences and ratios: what both sides have in common cancels."""

from __future__ import annotations

import numpy as np
import pytest

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.paired import count_ratio, paired
from interp.analysis.shares import edge_shares, head_shares


def bootstrap(n=20, seed=0):
    return Bootstrap([str(i) for i in range(n)], 500, 0.95, np.random.default_rng(seed))


def test_what_is_common_cancels():
    rng = np.random.default_rng(0)
    first = rng.normal(0, 10, 20)
    found = paired(first, first + 1, bootstrap())
    assert found.difference.mean == pytest.approx(1)
    assert found.difference.high - found.difference.low < 1e-9
    assert found.first.high - found.first.low > 1


def test_a_ratio_of_counts_and_its_interval():
    firsts, seconds = np.full(500, 8.0), np.full(500, 4.0)
    seconds[:100] = 2.0
    found = count_ratio(8, 4, firsts, seconds, bootstrap())
    assert (found.value, found.low, found.high) == (2.0, 2.0, 4.0)


def test_a_count_that_is_never_reached_leaves_the_ratio_open():
    firsts, seconds = np.full(500, np.inf), np.full(500, 4.0)
    assert count_ratio(None, 4, firsts, seconds, bootstrap()).as_dict() == {"value": None, "low": None, "high": None}
    firsts[:400] = 8.0
    assert count_ratio(8, 4, firsts, seconds, bootstrap()).as_dict() == {"value": 2.0, "low": 2.0, "high": None}
    seconds[:] = np.inf
    assert count_ratio(8, None, firsts, seconds, bootstrap()).value is None


def test_one_cluster_has_no_interval():
    one = Bootstrap(["a", "a"], 100, 0.95, np.random.default_rng(0))
    assert count_ratio(8, 4, np.full(100, 8.0), np.full(100, 4.0), one).as_dict() == {
        "value": 2.0,
        "low": None,
        "high": None,
    }


def test_edges_on_a_grid_of_every_n_are_counted_like_heads():
    rng = np.random.default_rng(1)
    carried = rng.normal(1, 0.2, (20, 6)) * np.array([8, 4, 2, 1, 0.5, 0.2])
    kept = np.concatenate([np.zeros((20, 1)), np.cumsum(carried, axis=1)], axis=1)
    heads = head_shares(carried, kept, 0.8, bootstrap()).shares["joint"]
    edges = edge_shares(carried, kept, range(7), 0.8, bootstrap()).shares["joint"]
    assert (edges.n, edges.n_low, edges.n_high, edges.share) == (heads.n, heads.n_low, heads.n_high, heads.share)
    assert np.array_equal(edges.counts, heads.counts)


def test_edges_are_counted_in_steps_of_the_grid():
    carried = np.ones((20, 100))
    counts = [0, 10, 50, 81, 100]
    kept = np.array(counts, dtype=float)[None].repeat(20, axis=0)
    joint = edge_shares(carried, kept, counts, 0.8, bootstrap()).shares["joint"]
    assert (joint.n, joint.share) == (81, pytest.approx(0.81))
    assert set(joint.counts) == {81.0}
    never = edge_shares(carried, kept[:, ::-1].copy(), counts, 2.0, bootstrap()).shares["joint"]
    assert never.n is None
    assert np.isinf(never.counts).all()
