"""Token groups: the same clean prompts with a corruption of their own (method.md section 6)."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from interp.errors import UserError
from interp.prompts.encode import Dropped, Encoded, Encoder, batch
from interp.prompts.pairs import PromptSet
from interp.prompts.roles import RoleSpec
from interp.section import Section


class Group(Section):
    """Tokens whose MLPs (or attention layers) are asked when they are at work."""

    name: str
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
    if isinstance(group.at, str):
        positions = base.positions(group.at)
    else:
        positions = group.at.resolve(group.name, base.clean_tokens[0], base.pairs[0].fields)
    if base.roles.get(group.name, positions) != positions:
        # The group would take the role's place, `query` too, at which the metric is read.
        raise UserError(f"group {group.name!r} has the name of a role, but other tokens; give it another name")
    roles = {**base.roles, group.name: positions}
    members = [
        Encoded(
            pair=pair.corrupted_by(group.corrupted, group.foil, f"group {group.name!r}"),
            clean=tuple(base.clean[row].tolist()),
            tokens=base.clean_tokens[row],
            answer=int(base.answer[row]),
            roles=roles,
        )
        for row, pair in enumerate(base.pairs)
    ]
    made, dropped = batch(f"{base.name}:{group.name}", members, 0, encoder, strict=False)
    dropped = [replace(one, reason=f"group {group.name!r}: {one.reason}") for one in dropped]
    if made is None:
        return None, dropped
    # The prompts keep their numbers, so that a group's rows meet the others' in the effects table.
    numbers = {pair.clean: number for pair, number in zip(base.pairs, base.prompts, strict=True)}
    return replace(made, prompts=tuple(numbers[pair.clean] for pair in made.pairs)), dropped
