"""Roles name token positions; the one place that turns people's positions into tensor indices.

People count tokens from 1 and leave the beginning-of-sequence token out (docs/definitions.md, Positions), so the figure's key
position 5 is index 4 without a BOS token and index 5 with one. Every declared token is checked against the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from interp.configs.section import Section
from interp.errors import UserError
from interp.prompts.pieces import barred

SPAN = re.compile(r"(\d{1,9}):(\d{1,9})")
Spans = Sequence[tuple[int, int]]

FIELD = re.compile(r"\{\{([^{}\s]+)\}\}|\{([^{}\s]+)\}")
"""`{{name}}`, which stands for `{name}` itself, or `{name}`, a field. Every other brace is a character like any other."""


class RoleSpec(Section):
    """Where a role sits: a token, a position, or both (then they must agree)."""

    token: str | None = Field(
        default=None,
        description="The token's text, without regard to surrounding spaces; `{word}` and the task's other fields "
        "are filled in.",
    )
    position: Annotated[int, Field(ge=1, le=1_000_000)] | str | None = Field(
        default=None,
        description="Position counted from 1, BOS not counted; `end` is the last token; `{column}` takes it from the task.",
    )
    characters: str | None = Field(
        default=None,
        description="The tokens that hold a part of the prompt's text, `first:end` in characters counted from 0, `end` left "
        "out; `{column}` takes it from the task.",
    )
    occurrence: Literal["only", "first", "last", "all"] = Field(
        default="only", description="Which of several equal tokens; `only` demands that there is just one."
    )

    @model_validator(mode="after")
    def _declares_something(self) -> RoleSpec:
        if self.token is None and self.position is None and self.characters is None:
            raise ValueError("a role needs a token, a position, or both; or characters")
        if self.characters is not None and (self.token is not None or self.position is not None):
            raise ValueError("characters say where a role sits by themselves; leave out token and position")
        if isinstance(self.position, str) and self.position != "end" and not FIELD.search(self.position):
            raise ValueError(
                f"a position is a number from 1, `end`, or a column such as {{key}}, not {self.position!r}"
            )
        return self

    def resolve(
        self, role: str, tokens: Sequence[str], fields: Mapping[str, str], spans: Callable[[], Spans] | None = None
    ) -> tuple[int, ...]:
        """People's positions of this role among the decoded `tokens` of one prompt (BOS left out).

        Args:
            spans: makes the first and end character of every token; needed for `characters`.

        Raises UserError when the position lies outside the prompt, the token is not there, or the two disagree.
        """
        if self.characters is not None:
            return self._holding(role, tokens, fields, spans() if spans else [])
        wanted = None if self.token is None else fill(self.token, fields, f"role {role!r}").strip()
        if self.position is not None:
            position = self._position(role, len(tokens), fields)
            if position > len(tokens):
                raise UserError(
                    f"role {role!r} is at position {position}, but the prompt has only {len(tokens)} tokens: {barred(tokens)}"
                )
            if wanted is not None and tokens[position - 1].strip() != wanted:
                raise UserError(
                    f"role {role!r} declares token {wanted!r} at position {position}, but the token found there is "
                    f"{tokens[position - 1]!r} in {barred(tokens)}"
                )
            return (position,)
        places = [i for i, token in enumerate(tokens, start=1) if token.strip() == wanted]
        if not places:
            raise UserError(f"role {role!r} declares token {wanted!r}, which is no single token of {barred(tokens)}")
        if self.occurrence == "only" and len(places) > 1:
            raise UserError(
                f"role {role!r}: token {wanted!r} stands at positions {places} of {barred(tokens)}; "
                "say `occurrence: first`, `last` or `all`, or give the position"
            )
        return {"first": tuple(places[:1]), "last": tuple(places[-1:])}.get(self.occurrence, tuple(places))

    def _position(self, role: str, n_tokens: int, fields: Mapping[str, str]) -> int:
        if isinstance(self.position, int):
            return self.position
        text = fill(self.position or "end", fields, f"role {role!r}").strip()
        if text == "end":
            return n_tokens
        if not (text.isascii() and text.isdigit() and 1 <= int(text) < 10**6):
            raise UserError(
                f"role {role!r}: {self.position} gives {text!r}, which is no position counted from 1 and not `end`"
            )
        return int(text)

    def _holding(self, role: str, tokens: Sequence[str], fields: Mapping[str, str], spans: Spans) -> tuple[int, ...]:
        text = fill(self.characters or "", fields, f"role {role!r}").strip()
        span = SPAN.fullmatch(text)
        if not span or int(span[1]) >= int(span[2]):
            raise UserError(f"role {role!r}: {text!r} is no span of characters; write first:end, such as 17:22")
        first, end = int(span[1]), int(span[2])
        held = tuple(n for n, (a, b) in enumerate(spans, start=1) if a < end and first < b)
        if not held or end > spans[-1][1]:
            raise UserError(f"role {role!r}: characters {text} lie outside the prompt {barred(tokens)}")
        return held


def fill(template: str, fields: Mapping[str, str], where: str) -> str:
    """`template` with its `{fields}` filled in, and nothing else: a prompt of code may hold any other brace as it is.

    UserError names a field that the task does not have.
    """
    return FIELD.sub(lambda match: _filled(match, template, fields, where), template)


def _filled(match: re.Match[str], template: str, fields: Mapping[str, str], where: str) -> str:
    literal, name = match.groups()
    if literal is not None:
        return f"{{{literal}}}"
    if name not in fields:
        known = f"the fields here are {', '.join('{' + field + '}' for field in fields)}"
        raise UserError(
            f"{where}: {template!r} cannot be filled in (there is no field {{{name}}}); "
            f"{known if fields else 'the prompts of this task have no fields, so say the text itself, or a position'}, "
            f"and {{{{{name}}}}} stands for {{{name}}} itself"
        )
    return fields[name]


def tensor_index(position: int, bos: int) -> int:
    """The 0-based tensor index of people's position `position` in a prompt with `bos` (0 or 1) leading BOS tokens."""
    return position - 1 + bos
