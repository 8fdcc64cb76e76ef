"""Tasks `pronoun` (Mathwin et al. 2023) and `gender_bias` (Vig et al. 2020): he or she, in wordings of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.prompts.builtin.choice import Choice
from interp.prompts.builtin.generated import Words, alternating, listed, one_of, written
from interp.prompts.builtin.names import FEMALE, MALE
from interp.prompts.pairs import PromptPair
from interp.prompts.roles import RoleSpec
from interp.prompts.task import tasks

PRONOUN = {"female": " she", "male": " he"}
OTHER = {"female": "male", "male": "female"}
OF_NAMES = (
    "So {name} is a truly loyal friend, isn't",
    "And {name} is a very kind person, isn't",
    "Now {name} is a rather good singer, isn't",
    "But {name} is a really fast runner, isn't",
)
OF_WORK = (
    "The {profession} said that",
    "The {profession} wrote that",
    "The {profession} smiled because",
    "The {profession} stayed because",
    "The {profession} waited because",
    "The {profession} promised that",
)
WORK = {
    "female": listed(
        """
        nurse secretary maid dancer teacher librarian housekeeper nanny receptionist cleaner babysitter hairdresser stylist
        dietitian therapist counselor model florist typist
        """
    ),
    "male": listed(
        """
        engineer mechanic carpenter plumber soldier captain farmer driver guard miner pilot president butcher lawyer
        programmer scientist surgeon sheriff boss electrician
        """
    ),
}


class Gendered(Choice):
    """He or she, by what a word is taken to say."""

    def most(self, words: Words) -> int:
        """As many of the one as of the other."""
        return 2 * min(len(words["female"]), len(words["male"]))

    def contents(self, words: Words, n: int, rng: np.random.Generator) -> list[tuple[str, str]]:
        """(word, gender), in turn."""
        female, male = ([(word, gender) for word in words[gender]] for gender in ("female", "male"))
        return alternating(female, male, n, rng)

    def _pair(self, wording: str, field: str, content: tuple[str, str], other: str) -> PromptPair:
        word, gender = content
        return written(wording, word, {field: word}, {field: other}, PRONOUN[gender], PRONOUN[OTHER[gender]])


@tasks.register
class Pronoun(Gendered):
    """Is it he or she, by a person's first name?"""

    kind: Literal["pronoun"] = "pronoun"
    fields: ClassVar[tuple[str, ...]] = ("name",)
    default_roles: ClassVar[Mapping[str, RoleSpec]] = {
        "key": RoleSpec(characters="{at_name}"),
        "query": RoleSpec(position="end"),
    }
    max_pairs: int = Field(default=32, ge=1, le=10_000, description="Keep at most this many names, drawn by the seed.")
    corruption: Literal["name", "unnamed"] = Field(
        default="name", description="name: one of the other gender; unnamed: `someone`, of neither."
    )

    def own_wordings(self) -> Sequence[str]:
        """A tag question."""
        return OF_NAMES

    def words(self) -> Words:
        """Names."""
        return {"female": FEMALE, "male": MALE}

    def pair(self, content: tuple[str, str], wording: str, words: Words, rng: np.random.Generator) -> PromptPair:
        """Right: the name's pronoun; foil: the other."""
        other = one_of(words[OTHER[content[1]]], rng) if self.corruption == "name" else "someone"
        return self._pair(wording, "name", content, other)


@tasks.register
class GenderBias(Gendered):
    """Is it he or she, by a profession? What is right is what the stereotype says, and no fact."""

    kind: Literal["gender_bias"] = "gender_bias"
    fields: ClassVar[tuple[str, ...]] = ("profession",)
    default_roles: ClassVar[Mapping[str, RoleSpec]] = {
        "key": RoleSpec(characters="{at_profession}"),
        "query": RoleSpec(position="end"),
    }
    max_pairs: int = Field(
        default=16, ge=1, le=10_000, description="Keep at most this many professions, drawn by the seed."
    )
    wordings_per_pair: int = Field(
        default=2, ge=1, le=100, description="Ask every profession in so many of the wordings."
    )
    corruption: Literal["person", "profession"] = Field(
        default="person",
        description="person: `man` or `woman`, whichever says the opposite; profession: one of the opposite.",
    )

    def own_wordings(self) -> Sequence[str]:
        """What somebody did, or said."""
        return OF_WORK

    def words(self) -> Words:
        """Professions, by what stereotype says of them."""
        return WORK

    def pair(self, content: tuple[str, str], wording: str, words: Words, rng: np.random.Generator) -> PromptPair:
        """Right: the stereotype's pronoun; foil: the other."""
        other = OTHER[content[1]]
        person = {"female": "woman", "male": "man"}[other]
        return self._pair(
            wording, "profession", content, person if self.corruption == "person" else one_of(words[other], rng)
        )
