"""Task `induction`: a list of words that is said again; what follows is what followed the first time (Olsson et al. 2022).

`Repeat: river stone lamp ... river stone` is followed by ` lamp`. The words have nothing to do with each other, so nothing but
the repetition says which comes next.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from interp.prompts.builtin.generated import Generated, Words, listed, one_of, some, written
from interp.prompts.pairs import PromptPair
from interp.prompts.roles import RoleSpec
from interp.prompts.task import tasks

WORDINGS = (
    "Repeat: {list} {again}",
    "Again: {list} {again}",
    "Words: {list} {again}",
    "List: {list} {again}",
)
WORDS = listed(
    """
    river stone lamp paper cloud horse bread window garden silver pencil engine winter button forest bottle market carpet
    doctor island candle bridge summer kitchen ladder copper shadow basket dinner valley finger mirror rocket spider ticket
    violin yellow zebra castle dragon flower guitar hammer insect jacket lemon monkey needle orange palace rabbit saddle
    temple uncle village wagon anchor barrel camera desert feather glass honey iron jungle kettle leather marble nation
    ocean pepper queen ribbon sugar tiger umbrella velvet whale apple beach chair
    """
)


@tasks.register
class Induction(Generated):
    """Which word comes next in a list of unrelated words that is said a second time?"""

    kind: Literal["induction"] = "induction"
    fields: ClassVar[tuple[str, ...]] = ("list", "again")
    default_roles: ClassVar[Mapping[str, RoleSpec]] = {
        "key": RoleSpec(characters="{at_next}"),
        "query": RoleSpec(position="end"),
        "previous": RoleSpec(characters="{at_previous}"),
    }
    n_words: int = Field(default=10, ge=2, le=50, description="Words in the list.")
    repeated: int = Field(default=5, ge=1, le=49, description="Words that are said again before the answer.")
    corruption: Literal["next_word", "previous_word"] = Field(
        default="next_word",
        description="next_word: another word in place of the answer's first occurrence; previous_word: another word in place of "
        "the one before it, so that what is said again last has not been said before.",
    )

    @model_validator(mode="after")
    def _some_word_follows(self) -> Induction:
        if self.repeated >= self.n_words:
            raise ValueError(
                f"repeated ({self.repeated}) must be less than n_words ({self.n_words}): the answer is the next of the list"
            )
        return self

    def own_wordings(self) -> Sequence[str]:
        """One word before the list."""
        return WORDINGS

    def words(self) -> Words:
        """Nouns."""
        return {"words": WORDS}

    def most(self, words: Words) -> int:
        """Lists of different words; a corrupted prompt takes one more."""
        n = len(words["words"])
        return math.perm(n, self.n_words) if n > self.n_words else 0

    def contents(self, words: Words, n: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
        """Lists, none twice."""
        drawn: dict[tuple[str, ...], None] = {}
        while len(drawn) < n:
            drawn[tuple(some(words["words"], self.n_words, rng))] = None
        return list(drawn)

    def pair(self, content: tuple[str, ...], wording: str, words: Words, rng: np.random.Generator) -> PromptPair:
        """Right: the next word; foil: the one in its place, or another of the list."""
        other = one_of(words["words"], rng, *content)
        answer, at = content[self.repeated], self.repeated - (self.corruption == "previous_word")
        foil = other if self.corruption == "next_word" else one_of(content, rng, answer, *content[: self.repeated])
        changed = " ".join((*content[:at], other, *content[at + 1 :]))
        filled = {"list": " ".join(content), "again": " ".join(content[: self.repeated])}
        made = written(wording, filled["list"], filled, {"list": changed}, f" {answer}", f" {foil}")
        first = int(made.fields["at_list"].split(":")[0])
        spans = {}
        for name, number in (("next", self.repeated), ("previous", self.repeated - 1)):
            start = first + len("".join(f"{word} " for word in content[:number]))
            spans[f"at_{name}"] = f"{start}:{start + len(content[number])}"
        return replace(made, fields={**made.fields, **spans})
