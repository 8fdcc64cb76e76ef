"""Roles as a notebook says them: a position, a token's text, or one of these for every prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from interp.api.given import listed, plain, section
from interp.configs.mistakes import quoted
from interp.configs.registry import nearest
from interp.errors import UserError
from interp.models import LoadedModel
from interp.prompts.encoder import Encoder
from interp.prompts.roles import FIELD, RoleSpec

Role: TypeAlias = int | str | Sequence[str] | Sequence[int] | RoleSpec
"""A position counted from 1, "end", a token's text, one of these for every prompt, or a full RoleSpec."""


@dataclass
class PlacedRoles:
    """Roles as RoleSpecs, and the columns that fill them in where every prompt has its own place."""

    specs: dict[str, RoleSpec] = field(default_factory=dict)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    by_role: dict[str, list[Any]] = field(default_factory=dict)
    """Role -> what stands in its column."""


def placed(roles: Mapping[str, Role | None], columns: Mapping[str, Sequence[Any]] | None = None) -> PlacedRoles:
    """All roles; a `key` of None is left out. With the `columns` of a frame, "{column}" takes a role from one of them."""
    made = PlacedRoles()
    for number, (name, role) in enumerate(roles.items()):
        if name == "key" and role is None:
            continue
        if columns is not None and isinstance(role, str) and (column := FIELD.fullmatch(role)) and column[2]:
            if column[2] not in columns:
                raise UserError(
                    f"the role {name!r}: the frame has no column {column[2]!r}; {nearest(column[2], columns)}"
                )
            made.specs[name] = _in_column(name, column[2], columns[column[2]])
        elif role is None or isinstance(role, str | RoleSpec) or not hasattr(role, "__iter__"):
            made.specs[name] = role_of(name, role)
        else:
            made.by_role[name] = listed(f"the role {name!r}", role, "tokens or positions")
            made.columns[f"role:{number}"] = made.by_role[name]
            made.specs[name] = _in_column(name, f"role:{number}", made.by_role[name])
    return made


def role_of(name: str, role: Role | None) -> RoleSpec:
    """One place for all prompts, as a RoleSpec."""
    if not isinstance(name, str):
        raise UserError(f"the name of a role must be text, not {name!r}")
    if isinstance(role, RoleSpec):
        return role
    role = plain(role)
    if isinstance(role, bool) or not isinstance(role, int | str):
        raise UserError(f"the role {name!r} must be a position (from 1), 'end', or a token's text, not {quoted(role)}")
    where = "position" if isinstance(role, int) or role == "end" else "token"
    return section(RoleSpec, {where: role}, f"the role {name!r}")


def first_differences(model: LoadedModel, pairs: Sequence[tuple[str, str]]) -> list[int]:
    """People's position of the first token in which clean and corrupted prompt differ, a pair.

    1 where they do not: such a prompt cannot be asked, and is told of where prompts are encoded.
    """
    encoder = Encoder(model.tokenizer, prepend_bos=False, n_embeddings=model.info.d_vocab)
    encoder.look_ahead(text for pair in pairs for text in pair)
    return [
        next((place for place, (ours, other) in enumerate(zip(clean, corrupted, strict=False), 1) if ours != other), 1)
        for clean, corrupted in ((encoder.ids(clean), encoder.ids(corrupted)) for clean, corrupted in pairs)
    ]


def _in_column(role: str, column: str, cells: Sequence[Any]) -> RoleSpec:
    """A role that every row says for itself: all positions, or all tokens."""
    kinds = {type(plain(cell)) for cell in cells}
    if (kinds and not kinds <= {int, str}) or len(kinds) > 1:
        odd = next(cell for cell in cells if type(plain(cell)) is not str)
        raise UserError(
            f"the role {role!r}: give every prompt the text of one token, or every prompt a position, not {quoted(odd)}"
        )
    filled = f"{{{column}}}"
    return RoleSpec(position=filled) if kinds == {int} else RoleSpec(token=filled)
