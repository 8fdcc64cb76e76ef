"""The training benchmark on a tiny model: who takes part, and what a ratio is."""

from __future__ import annotations

import pytest

from benchmarks.training import CASES, KEPT, NEW, REFERENCE, TrainingCase, measure, table
from tests.benchmarks.models import TinyModel


@pytest.fixture(scope="module")
def model():
    return TinyModel("smollm2").hf_for("training")


def test_every_contestant_takes_the_same_number_of_steps_from_the_same_weights(model):
    before = {name: one.clone() for name, one in model.named_parameters()}
    steps = []
    taken = measure(model, TrainingCase("smollm2", 2, 8), 2, lambda: steps.append(1))
    assert len(steps) == 2 * 3  # each of ours, with the step that is left out
    assert {name: len(seconds) for name, seconds in taken.items()} == {
        **{REFERENCE: 5, "fine-tuning, eager": 5},  # beside each of ours
        **{KEPT: 2, NEW: 2},
    }
    assert all(second > 0 for seconds in taken.values() for second in seconds)
    assert all((one == before[name]).all() for name, one in model.named_parameters())


def test_ratios_are_of_tokens_a_second():
    rows = table(CASES[0], {REFERENCE: [2.0, 2.0, 9.0], KEPT: [4.0, 4.0, 1.0]}).set_index("contestant")
    assert rows["tokens_per_s"].to_dict() == {REFERENCE: 256.0, KEPT: 128.0}
    assert rows["of_sdpa"].to_dict() == {REFERENCE: 1.0, KEPT: 0.5}
