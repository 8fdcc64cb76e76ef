"""What is measured: the cases of each set, from a few minutes to everything."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Literal

from benchmarks.models import BenchmarkModel, ModelName
from benchmarks.prompts import random_prompts
from benchmarks.timing import Budget
from benchmarks.workloads import SWEEPS, Sweep, Workload
from interp.prompts.pairs import PromptSet

MODELS: tuple[ModelName, ...] = ("gpt2", "smollm2")
SetName = Literal["quick", "standard", "full", "gpu"]


@lru_cache(maxsize=2)  # a model is about half a gigabyte in each form that was asked for
def _load(name: ModelName, n_layers: int, device: str) -> BenchmarkModel:
    return BenchmarkModel(name, n_layers, device)


@dataclass(frozen=True)
class Case:
    """One sweep on one model with prompts of one kind. `n_layers` counts for the random GPT-2 only."""

    model: ModelName
    sweep: Sweep
    n_prompts: int
    length: int
    shared: bool
    n_layers: int = 12
    device: str = "cpu"

    def load(self) -> BenchmarkModel:
        """The model, kept for the next cases."""
        return _load(self.model, self.n_layers, self.device)

    def workload(self) -> Workload:
        """The sweep's cells."""
        return Workload.of(self.sweep, self.load().hooked.cfg, self.length)

    def prompts(self, n_prompts: int | None = None) -> PromptSet:
        """The prompts, or another number of the same kind."""
        vocab = self.load().hooked.cfg.d_vocab
        return random_prompts(n_prompts or self.n_prompts, self.length, vocab, self.shared)

    @property
    def prefix(self) -> int:
        """Tokens that all prompts and both runs share."""
        return self.length // 2 if self.shared else 0


@dataclass(frozen=True)
class Selection:
    """Cases against the rivals, cases whose memory is measured, cases of our scaling, and the time for each round."""

    races: tuple[Case, ...]
    memory: tuple[Case, ...]
    scaling: tuple[Case, ...]
    budget: Budget

    def budget_of(self, case: Case) -> Budget:
        """One prompt of eight tokens is the case that everybody knows: our engine always runs all of its cells."""
        known = case.n_prompts == 1 and case.length == 8
        return replace(self.budget, ours_s=math.inf) if known else self.budget


def selection(name: SetName) -> Selection:
    """The cases of a set."""
    return {"quick": _quick, "standard": _standard, "full": _full, "gpu": _gpu}[name]()


def _quick() -> Selection:
    """About four minutes on two cores."""
    races = tuple(Case("gpt2", sweep, 1, 8, shared) for shared in (False, True) for sweep in ("heads", "edges"))
    smollm2 = (Case("smollm2", "heads", 1, 8, True),)
    return Selection(races + smollm2, (Case("gpt2", "heads", 16, 8, False),), (), Budget(3, 2.5, 0.7))


def _standard() -> Selection:
    """About 20 minutes on two cores."""
    races = [
        *_races((1, 16), 8, shared=False),
        *_races((64,), 8, shared=False, sweeps=("heads", "edges")),
        *_races((1, 16), 8, shared=True, sweeps=("heads", "edges")),
        *_races((1,), 15, shared=True, sweeps=("heads", "edges")),
        *_races((64,), 15, shared=True, sweeps=("edges",)),
    ]
    memory = (
        Case("gpt2", "heads", 16, 8, False),
        Case("gpt2", "edges", 1, 8, False),
        Case("smollm2", "heads", 16, 8, False),
    )
    return Selection(tuple(sorted(races, key=_model)), memory, _scaling(("edges",)), Budget(3, 2.5, 0.7))


def _full() -> Selection:
    """Every size; some hours."""
    races = [
        case
        for shared, length in product((False, True), (8, 15))
        for case in _races((1, 16, 64), length, shared=shared)
    ]
    memory = [Case(model, sweep, n, 8, False) for model, sweep, n in product(MODELS, ("heads", "edges"), (1, 16, 64))]
    return Selection(tuple(sorted(races, key=_model)), tuple(memory), _scaling(SWEEPS), Budget(3, 120.0, 8.0))


def _gpu() -> Selection:
    """About two minutes on a GPU: GPT-2's shape, and one of 1.4 billion parameters."""
    races = [
        Case(model, sweep, n_prompts, 8, False, device="cuda")
        for model, n_prompts, sweep in product(("gpt2", "llama"), (1, 16, 64), ("heads", "edges"))
    ]
    return Selection(tuple(races), (), (), Budget(3, 1.5, 0.7))


def _model(case: Case) -> str:
    return case.model  # each is loaded once


def _races(numbers: tuple[int, ...], length: int, shared: bool, sweeps: tuple[Sweep, ...] = SWEEPS) -> list[Case]:
    return [
        Case(model, sweep, n_prompts, length, shared) for model, n_prompts, sweep in product(MODELS, numbers, sweeps)
    ]


def _scaling(sweeps: tuple[Sweep, ...]) -> tuple[Case, ...]:
    """GPT-2's shape, one thing changed at a time; the case that all three share stands once."""
    cases = []
    for sweep in sweeps:
        cases += [Case("gpt2", sweep, n_prompts, 8, False) for n_prompts in (1, 4, 16, 64)]
        cases += [Case("gpt2", sweep, 1, 8, False, n_layers) for n_layers in (3, 6)]
        cases += [Case("gpt2", sweep, 1, length, False) for length in (15, 24)]
    return tuple(sorted(cases, key=lambda case: case.n_layers))
