"""Screening: the true top set with few measurements where estimates are good, with all of them where they are useless."""

from __future__ import annotations

import numpy as np
import pytest

from interp.analysis.screening import BATCH, screen

N_PROMPTS, N_EFFECTS, TOP = 6, 3000, 10
CLUSTERS = [f"pair{i // 2}" for i in range(N_PROMPTS)]


def effects(seed=0):
    """Few large effects and very many small ones, as attention edges have them."""
    rng = np.random.default_rng(seed)
    mean = rng.standard_t(df=1.5, size=N_EFFECTS) * 0.01
    return mean + rng.normal(scale=0.001, size=(N_PROMPTS, N_EFFECTS))


def run(exact, estimated, seed=0):
    asked = []

    def measure(numbers):
        asked.extend(numbers)
        return exact[:, numbers]

    found = screen(estimated, measure, TOP, CLUSTERS, np.random.default_rng(seed))
    assert len(asked) == len(set(asked)) == len(found.candidates) + len(found.audited)
    return found


def truth(exact):
    return set(np.argsort(-np.abs(exact.mean(axis=0)))[:TOP].tolist())


@pytest.mark.parametrize("seed", range(5))
def test_good_estimates_need_few_measurements(seed):
    exact = effects(seed)
    noise = np.random.default_rng(seed + 100).normal(scale=0.1, size=N_EFFECTS)
    found = run(exact, exact * (1 + noise))
    assert set(found.top) == truth(exact)
    assert len(found.candidates) + len(found.audited) < N_EFFECTS / 5
    assert found.missed_at_most == pytest.approx(0.05, abs=0.001)
    assert found.agreement.pearson > 0.95


def test_estimates_that_hide_large_effects_are_found_out():
    exact = effects()
    hidden = np.random.default_rng(1).random(N_EFFECTS) < 0.3
    estimated = exact.copy()
    estimated[:, hidden] = 0.0
    exact[:, hidden] += np.random.default_rng(4).uniform(1, 2, size=hidden.sum())
    found = run(exact, estimated)
    measured = [*found.candidates, *found.audited]
    assert len(found.candidates) > BATCH  # the audit sent it further down
    left = np.delete(np.abs(exact.mean(axis=0)), measured)
    assert (left > found.bound).mean() <= found.missed_at_most


def test_estimates_without_any_value_lead_to_measuring_everything():
    exact = np.random.default_rng(2).normal(size=(N_PROMPTS, 400))
    found = run(exact, np.random.default_rng(3).normal(size=exact.shape))
    assert set(found.top) == truth(exact)
    assert len(found.candidates) + len(found.audited) == 400
    assert found.missed_at_most == 0.0


def test_fewer_effects_than_a_batch_are_all_measured():
    exact = np.random.default_rng(2).normal(size=(N_PROMPTS, 20))
    found = run(exact, exact)
    assert len(found.candidates) == 20 < BATCH
    assert found.missed_at_most == 0.0


def test_one_prompt_has_no_error_of_its_own():
    exact = effects()[:1]
    found = screen(exact, lambda numbers: exact[:, numbers], TOP, ["only"], np.random.default_rng(0))
    assert set(found.top) == truth(exact)
    assert found.bound == pytest.approx(np.sort(np.abs(exact[0]))[-TOP])
