"""What a task is: something that makes prompt pairs from its settings."""

from __future__ import annotations

import abc

import numpy as np

from interp.prompts.pairs import PromptPair
from interp.registry import Registry
from interp.section import Section


class Task(Section, abc.ABC):
    """A source of prompt pairs."""

    kind: str

    @abc.abstractmethod
    def candidates(self) -> list[PromptPair]:
        """Every prompt that the task can ask, before any filter; `corrupted` and `foil` may still be empty."""

    def corrupt(self, pairs: list[PromptPair], rng: np.random.Generator) -> list[PromptPair]:
        """The pairs that passed the filters, each with its corrupted prompt and foil; the default keeps them."""
        return pairs


tasks: Registry[Task] = Registry("task")
