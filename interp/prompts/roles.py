"""Roles name token positions; the one place that turns people's positions into tensor indices.

People count tokens from 1 and leave the beginning-of-sequence token out (method.md section 2), so the figure's key
position 5 is index 4 without a BOS token and index 5 with one. Every declared token is checked against the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, model_validator

from interp.errors import UserError
from interp.section import Section


class RoleSpec(Section):
    """Where a role sits: a token, a position, or both (then they must agree)."""

    token: str | None = Field(
        default=None,
        description="The token's text, without regard to surrounding spaces; `{word}` and the task's other fields "
        "are filled in.",
    )
    position: int | Literal["end"] | None = Field(
        default=None, description="Position counted from 1, BOS not counted; `end` is the last token."
    )
    occurrence: Literal["only", "first", "last", "all"] = Field(
        default="only", description="Which of several equal tokens; `only` demands that there is just one."
    )

    @model_validator(mode="after")
    def _declares_something(self) -> RoleSpec:
        if self.token is None and self.position is None:
            raise ValueError("a role needs a token, a position, or both")
        if isinstance(self.position, int) and self.position < 1:
            raise ValueError("positions are counted from 1")
        return self

    def resolve(self, role: str, tokens: Sequence[str], fields: Mapping[str, str]) -> tuple[int, ...]:
        """People's positions of this role among the decoded `tokens` of one prompt (BOS left out).

        Raises UserError when the position lies outside the prompt, the token is not there, or the two disagree.
        """
        prompt = "|".join(tokens)
        wanted = None if self.token is None else fill(self.token, fields, f"role {role!r}").strip()
        if self.position is not None:
            position = len(tokens) if self.position == "end" else self.position
            if position > len(tokens):
                raise UserError(
                    f"role {role!r} is at position {position}, but the prompt has only {len(tokens)} tokens: {prompt}"
                )
            if wanted is not None and tokens[position - 1].strip() != wanted:
                raise UserError(
                    f"role {role!r} declares token {wanted!r} at position {position}, but the token found there is "
                    f"{tokens[position - 1]!r} in {prompt}"
                )
            return (position,)
        found = [i for i, token in enumerate(tokens, start=1) if token.strip() == wanted]
        if not found:
            raise UserError(f"role {role!r} declares token {wanted!r}, which is no single token of {prompt}")
        if self.occurrence == "only" and len(found) > 1:
            raise UserError(
                f"role {role!r}: token {wanted!r} stands at positions {found} of {prompt}; "
                "say `occurrence: first`, `last` or `all`, or give the position"
            )
        return {"first": tuple(found[:1]), "last": tuple(found[-1:])}.get(self.occurrence, tuple(found))


FIELD = re.compile(r"\{\{([^{}\s]+)\}\}|\{([^{}\s]+)\}")
"""`{{name}}`, which stands for `{name}` itself, or `{name}`, a field. Every other brace is a character like any other."""


def fill(template: str, fields: Mapping[str, str], where: str) -> str:
    """`template` with its `{fields}` filled in, and nothing else: a prompt of code may hold any other brace as it is.

    UserError names a field that the task does not have.
    """

    def filled(found: re.Match[str]) -> str:
        literal, name = found.groups()
        if literal is not None:
            return f"{{{literal}}}"
        if name not in fields:
            raise UserError(
                f"{where}: {template!r} cannot be filled in (there is no field {{{name}}}); the fields here are "
                f"{', '.join('{' + one + '}' for one in fields)}, and {{{{{name}}}}} stands for {{{name}}} itself"
            )
        return fields[name]

    return FIELD.sub(filled, template)


def tensor_index(position: int, bos: int) -> int:
    """The 0-based tensor index of people's position `position` in a prompt with `bos` (0 or 1) leading BOS tokens."""
    return position - 1 + bos
