from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interp.analysis import shares
from interp.analysis.bootstrap import Bootstrap
from interp.analysis.seeding import generator

EFFECTS = arrays(float, (6, 5), elements=st.floats(-10, 10).filter(lambda x: x == 0 or abs(x) > 1e-3))


def linear(carried):
    """The metric of kept sets in a model where effects simply add up."""
    ordered = carried[:, shares.rank(carried)]
    return np.concatenate([np.zeros((len(carried), 1)), np.cumsum(ordered, axis=1)], axis=1)


def all_shares(carried, target=0.8, kept=None):
    boot = Bootstrap([str(i) for i in range(len(carried))], 200, 0.95, generator(0, "test"))
    return shares.head_shares(carried, linear(carried) if kept is None else kept, target, boot)


def prompts_of(*mean):
    """Six prompts whose mean effects are the given ones, and which differ a little."""
    noise = np.linspace(-0.1, 0.1, 6)[:, None]
    return np.array(mean)[None] * (1 + noise)


@given(EFFECTS)
def test_curves_start_at_nothing_and_end_at_everything(carried):
    assume(abs(carried.mean(0).sum()) > 1e-2)
    found = all_shares(carried)
    assert found.curve[[0, -1]] == pytest.approx([0, 1])
    absolute = shares.absolute_curve(carried.mean(0))
    assert absolute[[0, -1]] == pytest.approx([0, 1])
    assert (np.diff(absolute) >= -1e-12).all()


@given(EFFECTS, st.floats(0.1, 100))
def test_the_unit_of_the_metric_does_not_matter(carried, scale):
    assume(abs(carried.mean(0).sum()) > 1e-2)
    before, after = all_shares(carried), all_shares(carried * scale)
    for name in before.shares:
        assert after.shares[name].n == before.shares[name].n


@given(st.permutations(range(5)))
def test_renaming_heads_renames_the_answer(order):
    carried = prompts_of(5.0, -3.0, 2.0, 1.0, 0.5)
    before, after = all_shares(carried), all_shares(carried[:, order])
    for name, share in before.shares.items():
        assert [order[head] for head in after.shares[name].heads] == list(share.heads)


def test_one_head_alone():
    found = all_shares(prompts_of(0.0, 2.0, 0.0))
    assert {name: (share.n, share.heads) for name, share in found.shares.items()} == dict.fromkeys(
        ("joint", "absolute", "net"), (1, (1,))
    )


def test_cancelling_heads_tell_the_definitions_apart():
    found = all_shares(prompts_of(4.0, -3.0, 1.0, 0.5))
    # absolute: 4 + 3 of 8.5 reach 80 %; net: 4 alone exceeds 80 % of 2.5; joint: 4/2.5, 1/2.5, 2/2.5, 2.5/2.5.
    assert {name: share.n for name, share in found.shares.items()} == {"joint": 3, "absolute": 2, "net": 1}
    assert found.shares["joint"].share == pytest.approx(0.8)
    assert found.curve.tolist() == pytest.approx([0, 1.6, 0.4, 0.8, 1.0])


def test_staying_is_not_reaching():
    curve = np.array([0.0, 0.9, 0.7, 0.85, 1.0])
    assert shares.smallest_reaching(curve, 0.8) == 1
    assert shares.smallest_staying(curve, 0.8) == 3
    assert shares.smallest_staying(np.array([0.0, 0.5]), 0.8) is None
    assert shares.smallest_staying(np.array([0.0, 1.0]), 1.0) == 1


def test_net_share_of_a_total_that_is_not_positive_does_not_exist():
    found = all_shares(prompts_of(1.0, -2.0))
    assert found.shares["net"].n is None
    assert found.shares["net"].heads == ()


def test_the_number_of_heads_has_an_interval_and_it_contains_the_number():
    rng = np.random.default_rng(0)
    carried = np.array([3.0, 2.0, 1.0, 0.6, 0.3])[None] + rng.normal(0, 0.8, size=(20, 5))
    for share in all_shares(carried).shares.values():
        assert share.n_low <= share.n <= share.n_high
        assert share.share_low <= share.share <= share.share_high


def test_ties_go_by_number():
    assert shares.rank(np.array([[1.0, -1.0, 2.0]])) == [2, 0, 1]
