"""Task `greater_than` (Hanna, Liu and Variengien 2023, arXiv 2305.00586), in wordings of our own.

`The siege lasted from the year 1732 to the year 17` is followed by a year after 32. Every two-digit number after YY is right,
every one up to YY wrong, but for those that the tokenizer would merge with the century before them.

To a tokenizer that has every digit by itself a number is two tokens, of which the first mostly decides. There a start is the
last year of a decade, such as 1739: a year of that century comes after it exactly where its tens digit is larger, so that one
token tells right from wrong (a digit of a larger decade is right, one up to the start's is wrong), and no probability of a
second digit is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.errors import UserError
from interp.prompts.builtin.generated import Generated, Words, listed, one_of, some, written
from interp.prompts.pairs import PromptPair
from interp.prompts.roles import RoleSpec
from interp.prompts.task import Tokens, tasks

WORDINGS = (
    "The {noun} lasted from the year {start} to the year {end}",
    "The {noun} continued from the year {start} until the year {end}",
    "The {noun} stretched from the year {start} to the year {end}",
    "The {noun} ran from the year {start} until the year {end}",
)
NOUNS = listed(
    """
    siege campaign occupation dispute rebellion conflict voyage mission crisis alliance reign empire famine drought plague
    tour debate trial exhibition experiment project programme partnership marriage friendship journey expedition strike
    negotiation construction war peace treaty regime revolution monarchy colony trade investigation search
    """
)
CENTURIES = ("11", "12", "13", "14", "15", "16", "17")
BEHIND = "from the year "
DIGITS = "0123456789"
FIRST, LAST = "01", "9"
"""The first year of a century, after which every answer is right; the last one of a decade."""


@tasks.register
class GreaterThan(Generated):
    """When did it end? Any year of the century after the one in which it began."""

    kind: Literal["greater_than"] = "greater_than"
    fields: ClassVar[tuple[str, ...]] = ("start", "end")
    several_right: ClassVar[bool] = True
    usual_metric: ClassVar[str] = "prob_diff"
    default_roles: ClassVar[Mapping[str, RoleSpec]] = {
        "key": RoleSpec(characters="{at_tens}"),
        "query": RoleSpec(position="end"),
        "years": RoleSpec(characters="{at_years}"),
    }
    corruption: Literal["first_year", "other_year"] = Field(
        default="first_year",
        description="What replaces the two digits of the start: first_year: 01, after which every answer is right; other_year: "
        "those of another start.",
    )

    def own_wordings(self) -> Sequence[str]:
        """Four verbs, and `to` or `until`."""
        return WORDINGS

    def words(self) -> Words:
        """What lasts for years."""
        return {"nouns": NOUNS}

    def prepared(self, words: Words, tokens: Tokens) -> Words:
        """The years that the tokenizer cuts into a century and two digits, or else into four digits.

        `answers` are what may follow a century: two digits, or one. UserError for a tokenizer that cuts years otherwise.
        """
        two = _pairs(tokens)
        if two:
            return {**words, "years": two, "starts": _starts(two)}
        if _by_digits(tokens):
            tens = [century + ten for century in CENTURIES for ten in DIGITS]
            # 9 has no larger digit, and 0 is the first year's own.
            return {
                **words,
                "years": tens,
                "starts": [year + LAST for year in tens if year[2:] not in (FIRST[0], LAST)],
            }
        raise UserError(
            "prompts.task: greater_than needs years that the tokenizer cuts into a century and two digits (17|32), or into "
            f"digits (1|7|3|2), and this one cuts {BEHIND.strip()} 1732 otherwise"
        )

    def most(self, words: Words) -> int:
        """Starts."""
        return len(words["starts"]) if words["nouns"] else 0

    def contents(self, words: Words, n: int, rng: np.random.Generator) -> list[str]:
        """A start, such as 1732; years are balanced, as all of a century are as likely."""
        return some(words["starts"], n, rng)

    def pair(self, content: str, wording: str, words: Words, rng: np.random.Generator) -> PromptPair:
        """Right: all after YY; foils: all up to YY."""
        century, year = content[:2], content[2:]
        others = [start[2:] for start in words["starts"] if start[:2] == century]
        other = FIRST if self.corruption == "first_year" else one_of(others, rng, year)
        right, wrong = _numbers(content, words)
        filled = {"noun": one_of(words["nouns"], rng), "start": content, "end": century}
        changed = {"start": century + other}
        made = written(wording, content, filled, changed, right[0], wrong[0], answers=right[1:], foils=wrong[1:])
        first = int(made.fields["at_start"].split(":")[0])
        spans = {"at_tens": f"{first + 2}:{first + 3}", "at_years": f"{first + 2}:{first + 4}"}
        return replace(made, fields={**made.fields, **spans})


def _pairs(tokens: Tokens) -> list[str]:
    """Years of a century and two digits, in the centuries whose first year is among them."""
    two: list[str] = []
    for century in CENTURIES:
        numbers = [f"{year:02}" for year in range(100) if tokens.added(BEHIND + century, f"{year:02}") == 1]
        two += [century + year for year in numbers] if FIRST in numbers else []
    return two


def _by_digits(tokens: Tokens) -> bool:
    """Whether every digit behind a century is a token of its own, whatever it is."""
    return all(
        tokens.added(BEHIND + century, ten) == 1
        and all(tokens.added(BEHIND + century + ten, last) == 1 for last in (FIRST[1], LAST))
        for century in CENTURIES
        for ten in DIGITS
    )


def _starts(years: Sequence[str]) -> list[str]:
    """Years from 02 on with a later one in their century: at least one is right, and 01 is none of them."""
    last = {year[:2]: year for year in sorted(years)}
    return [year for year in years if year[2:] >= "02" and year < last[year[:2]]]


def _numbers(start: str, words: Words) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What may follow the century, after the start and up to it: as many digits as the tokenizer has together."""
    numbers = [year[2:] for year in words["years"] if year[:2] == start[:2]]
    own = start[2 : 2 + len(numbers[0])]
    return tuple(n for n in numbers if n > own), tuple(n for n in reversed(numbers) if n <= own)
