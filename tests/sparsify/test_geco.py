"""The multiplier presses while the loss is under its target, eases off over it, and stays within its bounds."""

from __future__ import annotations

import math

import pytest

from interp.sparsify.geco import Geco
from interp.sparsify.train import schedule


def geco(**changes):
    settings = {
        "target": 0.1,
        "rate": 0.5,
        "multiplier": 1.0,
        "minimum": 0.01,
        "maximum": 10.0,
        "smoothing": 0.0,
        "scale": 0.1,
    }
    return Geco(**settings | changes)


def test_one_update_by_hand():
    """loss 0.05 under a target of 0.1: c = -0.05, lam <- exp(-0.5 * -0.05 / 0.1) = exp(0.25)."""
    one = geco()
    one.update(0.05)
    assert one.constraint == pytest.approx(-0.05)
    assert one.multiplier == pytest.approx(math.exp(0.25))


def test_over_the_target_it_eases_off():
    one = geco()
    one.update(0.15)
    assert one.multiplier == pytest.approx(math.exp(-0.25))


def test_a_moving_average_of_the_excess():
    one = geco(smoothing=0.5)
    one.update(0.2)
    one.update(0.0)
    assert one.constraint == pytest.approx(0.5 * 0.1 + 0.5 * -0.1)


@pytest.mark.parametrize(("loss", "bound"), [(0.0, 10.0), (5.0, 0.01)])
def test_it_stays_within_its_bounds(loss, bound):
    one = geco()
    for _ in range(100):
        one.update(loss)
    assert one.multiplier == bound


def test_a_burst_of_loss_is_no_more_than_one_full_step():
    one = geco()
    one.update(100.0)
    assert one.multiplier == pytest.approx(math.exp(-0.5))


def test_a_stage_may_keep_its_rate_for_the_next():
    assert [schedule(step, 30, 5) for step in (0, 4, 20, 29)] == pytest.approx([0.2, 1.0, 1.0, 0.1])
    assert [schedule(step, 30, 5, decay=False) for step in (0, 4, 20, 29)] == pytest.approx([0.2, 1.0, 1.0, 1.0])
