"""What the benchmark asks of our engine and of every rival, and our engine's answer."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.models import BenchmarkModel
from benchmarks.workloads import Workload
from interp.interventions import Engine
from interp.metrics import LogitDiff
from interp.prompts.pairs import PromptSet


class Contestant(abc.ABC):
    """Runs a workload on a prompt set; the number of a cell is the mean logit difference over the prompts.

    `start` forgets everything and does what has to be done once (caching the clean run); `run` does cells. Wrapping the
    model in a library's own class belongs into the constructor and is not timed.
    """

    name: str

    def __init__(self, model: BenchmarkModel, workload: Workload, prompts: PromptSet) -> None:
        self.model = model
        self.workload = workload
        self.prompts = prompts

    @property
    def cells_at_once(self) -> int:
        """Cells that one call of `run` should be given."""
        return 1

    @abc.abstractmethod
    def start(self) -> None:
        """Forget caches and do what is done once a sweep."""

    @abc.abstractmethod
    def run(self, numbers: Sequence[int]) -> Float[Tensor, " cell"]:
        """The metric of the cells with the given numbers."""


class Ours(Contestant):
    """The engine of interp.interventions; a new one each time, so base runs are part of every measurement."""

    name = "interp"

    @property
    def cells_at_once(self) -> int:
        return len(self.workload)

    def start(self) -> None:
        self._engine = Engine(self.model.hooked)
        for run in {self.workload.base, "clean"}:
            # The engine would make its base runs when it first needs them; here they can be told from the cells.
            self._engine.read(self.prompts, LogitDiff(), run)

    @property
    def scale(self) -> float:
        """The metric's scale: the size of the unedited run's on a prompt. A mean over many prompts may cancel to nothing."""
        return float(self._engine.read(self.prompts, LogitDiff(), self.workload.base).abs().mean())

    def run(self, numbers: Sequence[int]) -> Float[Tensor, " cell"]:
        variants = self.workload.part(numbers).variants()
        return self._engine.measure(variants, self.prompts, LogitDiff()).mean(-1)


def mean_logit_diff(logits: Float[Tensor, "prompt vocab"], prompts: PromptSet) -> Float[Tensor, ""]:
    """Answer minus foil at the query, mean over prompts; what the rivals compute from their logits."""
    rows = torch.arange(len(prompts))
    return (logits[rows, prompts.answer] - logits[rows, prompts.foil]).mean()
