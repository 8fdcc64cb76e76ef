"""Prompt sets in several threads give what they give one after the other, and nobody waits for what nobody wants."""

from __future__ import annotations

from threading import Event

import pytest
import torch

from interp.interventions import Edit, Engine, Variant
from interp.interventions.lanes import Stopped, lanes_for, side_by_side
from interp.metrics import LogitDiff
from tests.interventions.models import random_model, random_prompts


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("sizes", "threads", "lanes"),
    [
        ([16, 16, 16, 16], 2, 2),
        ([20, 15, 15, 14], 2, 2),
        ([60, 2, 2], 2, 1),  # two lanes would wait for the first
        ([16, 16, 16, 16], 1, 1),
        ([5] * 40, 32, 4),
        ([7], 8, 1),
        ([], 8, 1),
    ],
)
def test_as_many_lanes_as_pay(sizes, threads, lanes, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert lanes_for(sizes) == lanes
    assert lanes_for(sizes, "cuda") == 1


def test_sets_side_by_side_are_measured_as_alone(two_threads):
    model = random_model("llama")
    sets = [random_prompts(3, n_tokens=5 + seed, seed=seed) for seed in range(4)]
    variants = [Variant((Edit("edge", layer, head, 4, 2, "corrupted"),)) for layer in range(2) for head in range(4)]
    metric = LogitDiff()
    alone = Engine(model)
    wanted = [alone.measure(variants, one, metric) for one in sets]

    engine = Engine(model)
    lanes = engine.lanes_for(sets, [3] * 4)
    assert lanes == 2
    used = set()

    def work(prompts, go_on):
        used.add(torch.get_num_threads())
        return engine.measure(variants, prompts, metric, progress=lambda done: go_on())

    with engine.shared_by(lanes):
        found = side_by_side(work, sets, lanes)
    assert used == {1}
    assert torch.get_num_threads() == 2
    assert engine.counts == alone.counts
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


def test_no_lanes_where_they_would_get_in_each_others_way(two_threads):
    model = random_model("llama")
    one, other = (random_prompts(3, seed=seed) for seed in (1, 2))
    assert Engine(model).lanes_for([one, other], [3, 3]) == 2
    assert Engine(model).lanes_for([one, one], [3, 3]) == 1  # one base run
    assert Engine(model, by_hooks=True).lanes_for([one, other], [3, 3]) == 1  # hooks on one model
    assert Engine(model, memory_gb=1e-6).lanes_for([one, other], [3, 3]) == 1  # no room for two base runs


def test_a_piece_that_fails_stops_the_others(two_threads):
    begun, stopped = Event(), Event()

    def work(piece, go_on):
        if piece == "fails":
            begun.wait(10)
            raise ValueError("this one")
        begun.set()
        try:
            while True:
                go_on()
        except Stopped:
            stopped.set()
            raise

    with pytest.raises(ValueError, match="this one"):
        side_by_side(work, ["waits", "fails"], 2)
    assert stopped.is_set()
    assert torch.get_num_threads() == 2
    assert side_by_side(lambda piece, go_on: 2 * piece, [1, 2, 3], 2) == [2, 4, 6]
