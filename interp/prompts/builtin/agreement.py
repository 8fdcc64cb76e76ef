"""Task `agreement`: a verb that agrees in number with its subject (Marvin and Linzen 2018), in wordings of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.prompts.builtin.choice import Choice
from interp.prompts.builtin.generated import Words, alternating, listed, one_of, some, written
from interp.prompts.pairs import PromptPair
from interp.prompts.roles import RoleSpec
from interp.prompts.task import Tokens, tasks

WORDINGS: dict[str, tuple[str, ...]] = {
    "simple": ("The {noun} probably", "The {noun} certainly", "The {noun} usually", "The {noun} now"),
    "nounpp": (
        "The {noun} near the {other}",
        "The {noun} behind the {other}",
        "The {noun} beside the {other}",
        "The {noun} with the {other}",
    ),
    "within_rc": (
        "The {other} that the {noun} probably",
        "The {other} that the {noun} certainly",
        "The {other} that the {noun} usually",
        "The {other} that the {noun} now",
    ),
}
NOUNS = listed(
    """
    teacher doctor farmer artist lawyer writer singer student driver player leader actor author banker baker client customer
    dancer editor engineer friend girl boy guard hunter judge king lady manager mother father brother sister neighbor nurse
    officer painter parent pilot poet queen sailor scientist senator servant soldier stranger tourist visitor worker
    """
)
VERBS = {"singular": ("is", "has", "was", "does"), "plural": ("are", "have", "were", "do")}
OTHER = {"singular": "plural", "plural": "singular"}


def plural_of(noun: str) -> str:
    """The plural of a noun of the list."""
    return f"{noun[:-1]}ies" if noun.endswith("dy") else f"{noun}s"


@tasks.register
class Agreement(Choice):
    """Is or are: does the verb agree with its subject, behind an adverb, another noun, or in a relative clause?"""

    kind: Literal["agreement"] = "agreement"
    fields: ClassVar[tuple[str, ...]] = ("noun",)
    default_roles: ClassVar[Mapping[str, RoleSpec]] = {
        "key": RoleSpec(characters="{at_noun}"),
        "query": RoleSpec(position="end"),
    }
    structure: Literal["simple", "nounpp", "within_rc"] = Field(
        default="nounpp",
        description="What the subject stands in: simple: an adverb follows; nounpp: a noun of the other number follows; within_rc: "
        "it is in a relative clause, and a noun of the other number stands before.",
    )
    max_pairs: int = Field(default=32, ge=1, le=10_000, description="Keep at most this many nouns, drawn by the seed.")
    corruption: Literal["number", "noun"] = Field(
        default="number",
        description="number: the same noun in the other number; noun: another noun in the other number.",
    )

    def own_wordings(self) -> Sequence[str]:
        """Those of the structure."""
        return WORDINGS[self.structure]

    def words(self) -> Words:
        """Nouns in both numbers, and verbs."""
        return {
            "singular": NOUNS,
            "plural": tuple(map(plural_of, NOUNS)),
            "verbs": (*VERBS["singular"], *VERBS["plural"]),
        }

    def prepared(self, words: Words, tokens: Tokens) -> Words:
        """Nouns of one token in both numbers."""
        both = [noun for noun in words["singular"] if plural_of(noun) in words["plural"]]
        verbs = zip(VERBS["singular"], VERBS["plural"], strict=True)
        usable = [f"{singular}/{plural}" for singular, plural in verbs if {singular, plural} <= set(words["verbs"])]
        return {"nouns": both, "verbs": usable}

    def most(self, words: Words) -> int:
        """Nouns; each is asked in one number."""
        return len(words["nouns"]) // 2 * 2 if words["verbs"] else 0

    def contents(self, words: Words, n: int, rng: np.random.Generator) -> list[tuple[str, str]]:
        """(noun in the singular, number), numbers in turn."""
        nouns = some(words["nouns"], len(words["nouns"]), rng)
        half = len(nouns) // 2
        singular, plural = [(noun, "singular") for noun in nouns[:half]], [(noun, "plural") for noun in nouns[half:]]
        return alternating(singular, plural, n, rng)

    def pair(self, content: tuple[str, str], wording: str, words: Words, rng: np.random.Generator) -> PromptPair:
        """Right: the verb's form that agrees; foil: its other form."""
        noun, number = content
        distractor = one_of(words["nouns"], rng, noun)
        instead = noun if self.corruption == "number" else one_of(words["nouns"], rng, noun, distractor)
        forms = dict(zip(("singular", "plural"), one_of(words["verbs"], rng).split("/"), strict=True))
        filled = {"noun": _in(noun, number), "other": _in(distractor, OTHER[number])}
        changed = {"noun": _in(instead, OTHER[number])}
        return written(wording, noun, filled, changed, f" {forms[number]}", f" {forms[OTHER[number]]}")


def _in(noun: str, number: str) -> str:
    return noun if number == "singular" else plural_of(noun)
