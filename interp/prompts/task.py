"""What a task is: something that makes prompt pairs from its settings."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from pydantic import Field

from interp.configs.registry import Registry
from interp.configs.section import Section
from interp.prompts.pairs import PromptPair
from interp.prompts.roles import RoleSpec


@runtime_checkable
class Tokens(Protocol):
    """What a task may ask about a tokenizer (interp.prompts.encoder.Encoder answers)."""

    @property
    def several(self) -> bool:
        """Whether answers of more than one token are read."""

    def added(self, before: str, text: str) -> int:
        """Tokens that `text` adds behind `before`; 0 where it changes what stands before it, or is unknown."""


@dataclass(frozen=True)
class Drawn:
    """The candidates of a run, and sentences about what could not be drawn from."""

    pairs: list[PromptPair]
    remarks: tuple[str, ...] = ()


class Task(Section, abc.ABC):
    """A source of prompt pairs.

    `strict` tasks are written out prompt by prompt, so a prompt that does not fit is a mistake; others leave it out.
    The prompts of `any_length` tasks are batched by length; those of others have the commonest length of their template.
    `default_roles` are the places that a YAML need not name. `usual_metric` is the metric of a YAML that names none.
    Of a `choice` a prompt is right where the answer ranks above the foil; otherwise the answer must rank first of all tokens.
    `several_right` tasks have prompts with several right answers, which only some metrics read.
    """

    kind: str
    strict: ClassVar[bool] = False
    any_length: ClassVar[bool] = False
    choice: ClassVar[bool] = False
    several_right: ClassVar[bool] = False
    usual_metric: ClassVar[str] = "logit_diff"
    default_roles: ClassVar[Mapping[str, RoleSpec]] = {
        "key": RoleSpec(token="{word}"),
        "query": RoleSpec(position="end"),
    }
    pairing: Literal["true", "shuffled"] = Field(
        default="true",
        description="shuffled: every prompt is asked for another one's answer, by a fixed random pairing (a nonsense task). "
        "Which prompts are kept is decided by the true answers.",
    )

    @abc.abstractmethod
    def candidates(self) -> list[PromptPair]:
        """Every prompt that the task can ask, before any filter; `corrupted` and `foil` may still be empty."""

    def draw(self, tokens: Tokens, rng: np.random.Generator) -> Drawn:
        """The candidates of a run: all of them, or a sample where they are too many to list.

        UserError where the tokenizer has no words for the task, or the settings ask for more than there is.
        """
        return Drawn(self.candidates())

    def refusal(self, right: Mapping[str, int], asked: Mapping[str, int]) -> str:
        """Why a model with so many right answers to the candidates, by wording, is not asked; empty where it is."""
        return ""

    def corrupt(self, pairs: list[PromptPair], rng: np.random.Generator) -> list[PromptPair]:
        """The pairs that passed the filters, each with its corrupted prompt and foil; the default keeps them.

        What is returned must be made from the given pairs by `dataclasses.replace`, so that each keeps its `id`.
        """
        return pairs


tasks: Registry[Task] = Registry("task")
