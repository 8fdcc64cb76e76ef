"""Paired differences and ratios: what both sides have in common cancels."""

from __future__ import annotations

import numpy as np
import pytest

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.paired import count_ratio, paired


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
    assert count_ratio(None, 4, firsts, seconds, bootstrap()).plain() == {"value": None, "low": None, "high": None}
    firsts[:400] = 8.0
    assert count_ratio(8, 4, firsts, seconds, bootstrap()).plain() == {"value": 2.0, "low": 2.0, "high": None}
    seconds[:] = np.inf
    assert count_ratio(8, None, firsts, seconds, bootstrap()).value is None


def test_one_cluster_has_no_interval():
    one = Bootstrap(["a", "a"], 100, 0.95, np.random.default_rng(0))
    assert count_ratio(8, 4, np.full(100, 8.0), np.full(100, 4.0), one).plain() == {
        "value": 2.0,
        "low": None,
        "high": None,
    }
