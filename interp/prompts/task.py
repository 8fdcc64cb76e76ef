"""What a task is: something that makes prompt pairs from its settings."""

from __future__ import annotations

import abc

import numpy as np
from pydantic import BaseModel, ConfigDict

from interp.prompts.pairs import PromptPair
from interp.registry import Registry


class Task(BaseModel, abc.ABC):
    """A source of prompt pairs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str

    @abc.abstractmethod
    def candidates(self) -> list[PromptPair]:
        """Every prompt that the task can ask, before any filter; `corrupted` and `foil` may still be empty."""

    def corrupt(self, pairs: list[PromptPair], rng: np.random.Generator) -> list[PromptPair]:
        """The pairs that passed the filters, each with its corrupted prompt and foil; the default keeps them."""
        return pairs


tasks: Registry[Task] = Registry("task")
