"""Task `listed`: prompt pairs written out in the YAML."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from interp.configs.section import Section
from interp.prompts.pairs import PromptPair
from interp.prompts.task import Task, tasks


class ListedPair(Section):
    """One prompt pair, written out."""

    clean: str = Field(description="The prompt that is asked.")
    corrupted: str = Field(description="The same with another key word, in as many tokens.")
    answer: str = Field(description="What follows the clean prompt: one token, with its leading space if it has one.")
    foil: str = Field(description="What follows the corrupted prompt, likewise.")
    answers: tuple[str, ...] = Field(default=(), description="Further right answers, for metrics that read several.")
    foils: tuple[str, ...] = Field(default=(), description="Further wrong answers, likewise.")
    word: str = Field(default="", description="Fills `{word}` in the roles.")
    cluster: str | None = Field(default=None, description="Prompts of one cluster are resampled together.")
    template: str = Field(default="listed", description="Prompts of one template are batched and must be equally long.")


@tasks.register
class Listed(Task):
    """Prompt pairs written out in the YAML: clean, corrupted, answer, foil."""

    kind: Literal["listed"] = "listed"
    strict: ClassVar[bool] = True
    pairs: tuple[ListedPair, ...] = Field(min_length=1, description="The prompt pairs; figures show the first.")

    def candidates(self) -> list[PromptPair]:
        """The pairs as listed; the first one is the focus."""
        return [
            PromptPair(
                clean=pair.clean,
                corrupted=pair.corrupted,
                answer=pair.answer,
                foil=pair.foil,
                answers=pair.answers,
                foils=pair.foils,
                template=pair.template,
                pair=pair.cluster or pair.clean,
                focus=number == 0,
                fields={"word": pair.word, "answer": pair.answer, "foil": pair.foil},
            )
            for number, pair in enumerate(self.pairs)
        ]
