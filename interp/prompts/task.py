"""What a task is: something that makes prompt pairs from its settings."""

from __future__ import annotations

import abc
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.configs.registry import Registry
from interp.configs.section import Section
from interp.prompts.pairs import PromptPair


class Task(Section, abc.ABC):
    """A source of prompt pairs.

    `strict` tasks are written out prompt by prompt, so a prompt that does not fit is a mistake; others leave it out.
    The prompts of `any_length` tasks are batched by length; those of others have the commonest length of their template.
    """

    kind: str
    strict: ClassVar[bool] = False
    any_length: ClassVar[bool] = False
    pairing: Literal["true", "shuffled"] = Field(
        default="true",
        description="shuffled: every prompt is asked for another one's answer, by a fixed random pairing (a nonsense task). "
        "Which prompts are kept is decided by the true answers.",
    )

    @abc.abstractmethod
    def candidates(self) -> list[PromptPair]:
        """Every prompt that the task can ask, before any filter; `corrupted` and `foil` may still be empty."""

    def corrupt(self, pairs: list[PromptPair], rng: np.random.Generator) -> list[PromptPair]:
        """The pairs that passed the filters, each with its corrupted prompt and foil; the default keeps them.

        What is returned must be made from the given pairs by `dataclasses.replace`, so that each keeps its `id`.
        """
        return pairs


tasks: Registry[Task] = Registry("task")
