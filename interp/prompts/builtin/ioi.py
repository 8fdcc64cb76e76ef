"""Task `ioi`: indirect object identification (Wang et al. 2022, arXiv 2211.00593), in wordings of our own.

`When Mary and John got to the park, John gave the book to` is followed by ` Mary`: the name that stands only once (IO), and not
the subject, which stands twice (S1, S2). Mixed orders put IO first (ABBA) or S1 (BABA).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.prompts.builtin.choice import Choice
from interp.prompts.builtin.generated import Words, one_of, some, written
from interp.prompts.builtin.names import FEMALE, MALE
from interp.prompts.pairs import PromptPair
from interp.prompts.roles import RoleSpec
from interp.prompts.task import tasks

SHORT = (
    "When {io} and {s1} got to the {place}, {s2} gave the {object} to",
    "Once {io} and {s1} came to the {place}, {s2} passed the {object} to",
    "While {io} and {s1} stood near the {place}, {s2} showed the {object} to",
    "Before {io} and {s1} left for the {place}, {s2} offered the {object} to",
)
LONG = (
    "It was a cold day and nobody had much to do. When {io} and {s1} got to the {place}, it was nearly dark. After a "
    "while, {s2} gave the {object} to",
    "It was a cold day and nobody had much to do. Once {io} and {s1} came to the {place}, it was quite late. After a "
    "while, {s2} passed the {object} to",
    "It was a cold day and nobody had much to do. While {io} and {s1} stood near the {place}, it was very quiet. After a "
    "while, {s2} showed the {object} to",
    "It was a cold day and nobody had much to do. Before {io} and {s1} left for the {place}, it was still bright. After a "
    "while, {s2} offered the {object} to",
)
PLACES = (
    "library",
    "market",
    "museum",
    "park",
    "beach",
    "kitchen",
    "farm",
    "church",
    "hotel",
    "village",
    "lake",
    "hall",
)
OBJECTS = ("book", "letter", "key", "map", "cup", "coat", "ticket", "gift", "box", "phone", "picture", "flower")

Corruption = Literal["other_name", "indirect_object", "all_names"]


@tasks.register
class IndirectObject(Choice):
    """Who was given it? Of two names, the one that stands only once (indirect object identification)."""

    kind: Literal["ioi"] = "ioi"
    fields: ClassVar[tuple[str, ...]] = ("io", "s1", "s2")
    default_roles: ClassVar[Mapping[str, RoleSpec]] = {
        "key": RoleSpec(characters="{at_io}"),
        "query": RoleSpec(position="end"),
        **{name: RoleSpec(characters=f"{{at_{name}}}") for name in fields},
    }
    order: Literal["mixed", "abba", "baba"] = Field(
        default="mixed", description="abba: the answer's name stands first; baba: the other one; mixed: both."
    )
    length: Literal["short", "long"] = Field(default="short", description="long: with a sentence before and between.")
    corruption: Corruption = Field(
        default="other_name",
        description="other_name: a third name in place of the second subject, so no name stands twice; indirect_object: the "
        "answer's name there, so the other one is right; all_names: three new names.",
    )

    def own_wordings(self) -> Sequence[str]:
        """Of the length that is asked for, in one order or in both."""
        abba = SHORT if self.length == "short" else LONG
        baba = [wording.replace("{io} and {s1}", "{s1} and {io}") for wording in abba]
        return {"abba": [*abba], "baba": baba, "mixed": [*abba, *baba]}[self.order]

    def words(self) -> Words:
        """Names, places, objects."""
        return {"names": (*MALE, *FEMALE), "places": PLACES, "objects": OBJECTS}

    def most(self, words: Words) -> int:
        """Ordered pairs of names; a corrupted prompt takes up to three others."""
        n = len(words["names"])
        return n * (n - 1) if n >= 5 and words["places"] and words["objects"] else 0

    def contents(self, words: Words, n: int, rng: np.random.Generator) -> list[tuple[str, str]]:
        """(IO, S)."""
        return some([(io, s) for io in words["names"] for s in words["names"] if io != s], n, rng)

    def pair(self, content: tuple[str, str], wording: str, words: Words, rng: np.random.Generator) -> PromptPair:
        """Right: IO; foil: S."""
        io, s = content
        place, thing = one_of(words["places"], rng), one_of(words["objects"], rng)
        first = one_of(words["names"], rng, io, s)
        second = one_of(words["names"], rng, io, s, first)
        third = one_of(words["names"], rng, io, s, first, second)
        changed = {
            "other_name": {"s2": first},
            "indirect_object": {"s2": io},
            "all_names": {"io": first, "s1": second, "s2": third},
        }[self.corruption]
        filled = {"io": io, "s1": s, "s2": s, "place": place, "object": thing}
        return written(wording, f"{io}/{s}", filled, changed, f" {io}", f" {s}")
