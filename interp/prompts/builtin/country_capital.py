"""Task `country_capital`: the capital of a country, a fact that the model has learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.prompts.builtin.generated import Generated, Words, one_of, some, written
from interp.prompts.pairs import PromptPair
from interp.prompts.roles import RoleSpec
from interp.prompts.task import Tokens, tasks

WORDINGS = (
    "But the {relation} of {country} is",
    "Now the {relation} of {country} is",
    "So the {relation} of {country} is",
    "And the {relation} of {country} is",
)
_PAIRS = """
France/Paris Germany/Berlin Italy/Rome Spain/Madrid Portugal/Lisbon Greece/Athens Austria/Vienna Belgium/Brussels
Denmark/Copenhagen Sweden/Stockholm Norway/Oslo Finland/Helsinki Poland/Warsaw Hungary/Budapest Russia/Moscow
Ireland/Dublin England/London Japan/Tokyo China/Beijing India/Delhi Iran/Tehran Iraq/Baghdad Egypt/Cairo Kenya/Nairobi
Cuba/Havana Canada/Ottawa Australia/Canberra Turkey/Ankara Syria/Damascus Lebanon/Beirut Qatar/Doha
Peru/Lima Chile/Santiago Colombia/Bogota Venezuela/Caracas Romania/Bucharest Bulgaria/Sofia Serbia/Belgrade
Croatia/Zagreb Scotland/Edinburgh Wales/Cardiff Thailand/Bangkok Vietnam/Hanoi Nepal/Kathmandu
Libya/Tripoli Nigeria/Abuja Ghana/Accra Taiwan/Taipei Indonesia/Jakarta Jordan/Amman Afghanistan/Kabul Switzerland/Bern
"""
CAPITALS: dict[str, str] = dict(pair.split("/") for pair in _PAIRS.split())
OTHER_RELATIONS = ("president", "language", "king", "history", "army", "economy", "flag", "people")


@tasks.register
class CountryCapital(Generated):
    """What is the capital of a country? Another country, or another question, makes the corrupted prompt."""

    kind: Literal["country_capital"] = "country_capital"
    fields: ClassVar[tuple[str, ...]] = ("relation", "country")
    default_roles: ClassVar[Mapping[str, RoleSpec]] = {
        "key": RoleSpec(characters="{at_country}"),
        "query": RoleSpec(position="end"),
        "relation": RoleSpec(characters="{at_relation}"),
    }
    max_pairs: int = Field(
        default=16, ge=1, le=10_000, description="Keep at most this many countries, drawn by the seed."
    )
    corruption: Literal["country", "relation"] = Field(
        default="country",
        description="country: another one; relation: another word for `capital`, such as `president`. The foil is another "
        "country's capital in both.",
    )

    def own_wordings(self) -> Sequence[str]:
        """A word before the question."""
        return WORDINGS

    def words(self) -> Words:
        """Countries, and what else a country has."""
        return {"countries": tuple(CAPITALS), "relations": OTHER_RELATIONS}

    def prepared(self, words: Words, tokens: Tokens) -> Words:
        """Countries whose capital is one token, too, unless the metric reads several."""
        fits = [
            country
            for country in words["countries"]
            if tokens.several or tokens.added("It is", f" {CAPITALS[country]}") == 1
        ]
        return {**words, "countries": fits}

    def most(self, words: Words) -> int:
        """Countries."""
        return len(words["countries"]) if len(words["countries"]) > 1 and words["relations"] else 0

    def contents(self, words: Words, n: int, rng: np.random.Generator) -> list[str]:
        """Countries."""
        return some(words["countries"], n, rng)

    def pair(self, content: str, wording: str, words: Words, rng: np.random.Generator) -> PromptPair:
        """Right: its capital; foil: another one's."""
        other = one_of(words["countries"], rng, content)
        changed = {"country": {"country": other}, "relation": {"relation": one_of(words["relations"], rng)}}
        filled = {"relation": "capital", "country": content}
        answer, foil = (f" {CAPITALS[country]}" for country in (content, other))
        return written(wording, content, filled, changed[self.corruption], answer, foil)
