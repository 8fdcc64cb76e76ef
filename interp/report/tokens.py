"""The focus prompt as tokens: text, position from 1, roles, in the clean and the corrupted run."""

from __future__ import annotations

import json
from dataclasses import dataclass

from interp.results.tables import RunTables


@dataclass(frozen=True)
class Token:
    """One position of the focus prompt; `mark` is `key`, `query` or empty."""

    position: int
    clean: str
    corrupted: str
    roles: str
    mark: str

    @property
    def differs(self) -> bool:
        """Whether the two runs have another token here."""
        return self.clean != self.corrupted


@dataclass(frozen=True)
class FocusPrompt:
    """The prompt pair that the panels show."""

    tokens: list[Token]
    clean: str
    corrupted: str
    answer: str
    foil: str


def focus_prompt(tables: RunTables) -> FocusPrompt:
    """Read the focus prompt from the prompts table."""
    row = tables.prompts[tables.prompts["focus"]].iloc[0]
    roles: dict[int, list[str]] = {}
    for name, positions in json.loads(row["roles"]).items():
        for position in positions:
            roles.setdefault(position, []).append(name)
    marks = {int(row["key"]): "key", int(row["query"]): "query"}
    pairs = zip(row["clean_tokens"], row["corrupted_tokens"], strict=True)
    return FocusPrompt(
        tokens=[
            Token(place, clean, corrupted, ", ".join(roles.get(place, ())), marks.get(place, ""))
            for place, (clean, corrupted) in enumerate(pairs, 1)
        ],
        **{name: str(row[name]) for name in ("clean", "corrupted", "answer", "foil")},
    )
