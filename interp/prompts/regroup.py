"""Token groups: the same clean prompts with a corruption of their own (docs/definitions.md, Layer span)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from pydantic import Field

from interp.configs.section import Section
from interp.errors import UserError
from interp.prompts.encode import Dropped, Encoded, batch
from interp.prompts.encoder import Encoder
from interp.prompts.pairs import PromptSet
from interp.prompts.roles import RoleSpec


class Group(Section):
    """Tokens whose MLPs (or attention layers) are asked when they are at work."""

    name: str = Field(description="What figures and tables call it.")
    at: RoleSpec | str = Field(description="Where the group's tokens are: a role's name, or a token or position.")
    corrupted: str | None = Field(
        default=None,
        description="Corrupted prompt of this group, with the task's fields (`{word}`, ...), differing in the group's "
        "tokens; null: the run's own corrupted prompt.",
    )
    foil: str | None = Field(
        default=None, description="Foil of this group, with the task's fields; null: the run's own foil."
    )


def grouped_sets(base: PromptSet, group: Group, encoder: Encoder) -> tuple[PromptSet | None, list[Dropped]]:
    """The prompts of `base` with the group's corruption; the group's positions become a role of its name.

    None when no prompt can be corrupted that way; the reasons are in the list.
    """
    positions, misfits = _positions(base, group)
    if base.roles.get(group.name, positions) != positions:
        # The group would take the role's place, `query` too, at which the metric is read.
        raise UserError(f"group {group.name!r} has the name of a role, but other tokens; give it another name")
    roles = {**base.roles, group.name: positions}
    rows = [row for row in range(len(base)) if row not in misfits]
    members = [
        Encoded(
            pair=base.pairs[row].corrupted_by(group.corrupted, group.foil, f"group {group.name!r}"),
            clean=tuple(base.clean[row].tolist()),
            tokens=base.clean_tokens[row],
            answers=base.right[row],
            roles=roles,
        )
        for row in rows
    ]
    # The prompts keep their numbers, so that a group's rows meet the others' in the effects table.
    numbers = [base.prompts[row] for row in rows]
    made, dropped = batch(f"{base.name}:{group.name}", members, numbers, encoder, strict=False)
    unfit = [Dropped(base.pairs[row].pair, base.pairs[row].template, reason) for row, reason in misfits.items()]
    return made, [replace(drop, reason=f"group {group.name!r}: {drop.reason}") for drop in [*unfit, *dropped]]


def _positions(base: PromptSet, group: Group) -> tuple[tuple[int, ...], dict[int, str]]:
    """Where the group's tokens are in most of the prompts, and why the other rows (by number) do not fit.

    UserError when they are in none.
    """
    if isinstance(group.at, str):
        return base.positions(group.at), {}
    places: dict[int, tuple[int, ...]] = {}
    misfits: dict[int, str] = {}
    for row, (tokens, pair) in enumerate(zip(base.clean_tokens, base.pairs, strict=True)):
        try:
            places[row] = group.at.resolve(group.name, tokens, pair.fields)
        except UserError as error:
            misfits[row] = str(error)
    if not places:
        raise UserError(misfits[0])
    most = Counter(places.values()).most_common(1)[0][0]
    for row, positions in places.items():
        if positions != most:
            misfits[row] = f"its tokens are at {list(positions)}, where most prompts have them at {list(most)}"
    return most, dict(sorted(misfits.items()))
