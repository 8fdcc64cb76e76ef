"""The focus prompt as tokens: text, position from 1, roles, in the clean and the corrupted run."""

from __future__ import annotations

import json
from dataclasses import dataclass

from interp.results.tables import RunTables


@dataclass(frozen=True)
class Token:
    """One position of the focus prompt: texts in both runs, whether their token ids differ; `mark` is `key`, `query` or empty."""

    position: int
    clean: str
    corrupted: str
    roles: str
    mark: str
    differs: bool


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
    columns = ("clean_tokens", "corrupted_tokens", "clean_ids", "corrupted_ids")
    pairs = zip(*(row[name] for name in columns), strict=True)
    return FocusPrompt(
        tokens=[
            Token(
                position=place,
                clean=clean,
                corrupted=corrupted,
                roles=", ".join(roles.get(place, ())),
                mark=marks.get(place, ""),
                differs=bool(clean_id != corrupted_id),  # of numpy's numbers, numpy's truth
            )
            for place, (clean, corrupted, clean_id, corrupted_id) in enumerate(pairs, 1)
        ],
        **{name: str(row[name]) for name in ("clean", "corrupted", "answer", "foil")},
    )
