"""The arithmetic around the stop-watch, and that wrong numbers stop the benchmark."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from benchmarks import timing
from benchmarks.agreement import DisagreementError, check, compare
from benchmarks.contestant import Contestant, Ours
from benchmarks.floor import Shape, cells_flops, floor_flops
from benchmarks.prompts import random_prompts
from benchmarks.timing import Budget, Timing, extrapolate, race, ratio
from benchmarks.workloads import Workload
from tests.benchmarks.models import LENGTH, VOCAB, TinyModel


class Rival(Contestant):
    """Our numbers, off by `error`, three cells a call; remembers what it was asked for."""

    name = "rival"
    error = 0.0

    @property
    def cells_at_once(self):
        return 3

    def start(self):
        self.ours = Ours(self.model, self.workload, self.prompts)
        self.ours.start()
        self.asked = getattr(self, "asked", [])

    def run(self, numbers):
        self.asked += list(numbers)
        return self.ours.run(numbers) + self.error


@pytest.fixture
def contestants():
    model = TinyModel("gpt2")
    prompts = random_prompts(2, LENGTH, VOCAB, shared=True)
    workload = Workload.of("resid_pre", model.hooked.cfg, LENGTH)
    return Ours(model, workload, prompts), Rival(model, workload, prompts)


def test_extrapolation_scales_the_loop_and_not_the_start():
    assert extrapolate(2.0, 3.0, measured=24, total=240) == 2.0 + 30.0
    assert extrapolate(2.0, 3.0, measured=24, total=24) == 5.0


def test_ratio_of_medians_with_the_range_of_the_rounds():
    ours, theirs = Timing("a", 1, [1.0, 2.0, 4.0]), Timing("b", 1, [10.0, 30.0, 40.0])
    assert ratio(theirs, ours) == (15.0, 10.0, 15.0)


def test_whole_sweeps_are_not_extrapolated(contestants):
    ours, rival = contestants
    found = race(ours, [rival], Budget(rounds=3, ours_s=60.0, rival_s=60.0))
    n_cells = len(ours.workload)
    assert len(found.ours.seconds) == len(found.rivals[0].seconds) == 3
    assert found.ours.cells == found.rivals[0].cells == 3 * n_cells
    assert not found.ours.extrapolated
    assert not found.rivals[0].extrapolated
    assert sorted(rival.asked) == sorted(3 * list(range(n_cells)))
    assert found.flops == floor_flops(ours.workload, ours.prompts, Shape.of(ours.model.hooked.cfg))


def test_parts_of_sweeps_are_extrapolated_from_other_cells_each_round(contestants, monkeypatch):
    ours, rival = contestants
    shape = Shape.of(ours.model.hooked.cfg)
    cells = cells_flops(ours.workload, ours.prompts, shape)
    monkeypatch.setattr(timing, "matrix_rate", lambda shape, device: float(cells))  # the cells take one second at least
    found = race(ours, [rival], Budget(rounds=3, ours_s=0.5, rival_s=0.0))
    assert found.floor_s == pytest.approx(floor_flops(ours.workload, ours.prompts, shape) / cells)
    assert found.ours.cells == 3 * (len(ours.workload) // 2)
    assert found.rivals[0].cells == 3 * 3  # one call a round
    assert len(set(rival.asked)) == 9
    assert found.ours.extrapolated
    assert found.rivals[0].extrapolated


def test_a_rival_with_other_numbers_is_not_timed(contestants):
    ours, rival = contestants
    cells, difference = check(rival, seconds=0.0)
    assert (cells, difference) == (len(rival.workload), pytest.approx(0.0, abs=1e-5))
    rival.error = 0.1
    with pytest.raises(DisagreementError, match="rival differs from our engine"):
        check(rival, seconds=0.0)
    with pytest.raises(DisagreementError):
        race(ours, [rival], Budget(rounds=1))


def test_nan_and_cells_that_do_nothing_are_no_agreement(contestants):
    with pytest.raises(DisagreementError):
        compare("rival", torch.tensor([float("nan")]), torch.tensor([1.0]), scale=1.0)
    rival = contestants[1]
    # Only embeddings that are the same in both runs are patched.
    rival.workload = replace(rival.workload, cells=rival.workload.cells[:2])
    with pytest.raises(DisagreementError, match="agreement says nothing"):
        check(rival, seconds=0.0)
