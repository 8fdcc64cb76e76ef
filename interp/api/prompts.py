"""Lists and frames of prompts, as a notebook has them, to the `prompts` section that a YAML would have."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import pandas as pd
from pydantic import InstanceOf

from interp.api.given import listed, of_kind, plain, section
from interp.api.roles import PlacedRoles, Role, first_differences, placed, role_of
from interp.configs.mistakes import quoted
from interp.errors import UserError
from interp.models import LoadedModel
from interp.prompts.config import PromptsConfig
from interp.prompts.from_rows import FromRows, WrittenOut
from interp.prompts.roles import RoleSpec
from interp.prompts.rows import NEEDED, Row
from interp.prompts.task import Task, tasks

Prompt: TypeAlias = str | Sequence[int]
Prompts: TypeAlias = Sequence[Prompt] | Prompt
Keep = Literal["all", "correct", "correct_in_every_template"]
KEY = "role:key"


class GivenPrompts(PromptsConfig):
    """The section with any task, registered or not."""

    task: InstanceOf[Task]


def by_task(
    task: str | Mapping[str, Any] | Task, keep: Keep, min_gap: float, roles: Mapping[str, Role | None]
) -> PromptsConfig:
    """The prompts of a task, by its name, its settings or itself."""
    settings = dict(task) if isinstance(task, Mapping) else {}
    asked = of_kind(tasks, settings.pop("kind", None) if isinstance(task, Mapping) else task, settings, Task)
    given = {name: role_of(name, role) for name, role in roles.items() if role is not None}
    return section(GivenPrompts, {"task": asked, "roles": given, "keep": keep, "min_gap": min_gap})


def by_lists(
    model: LoadedModel,
    columns: Mapping[str, Prompts | None],
    cluster: Sequence[str | int | None] | None,
    keep: Keep,
    min_gap: float,
    roles: Mapping[str, Role | None],
) -> PromptsConfig:
    """Prompt pairs given as lists of equal length; pairs of equal token length are batched together.

    Raises UserError for lists of unequal length, and for whatever else of them cannot be asked.
    """
    lists: dict[str, list[Any]] = {name: _texts(name, columns[name], model) for name in NEEDED}
    if cluster is not None:
        lists["cluster"] = [_cluster(name) for name in listed("cluster", cluster, "names")]
    each = placed(roles)
    lengths = {name: len(column) for name, column in {**lists, **each.by_role}.items()}
    if len(set(lengths.values())) > 1:
        raise UserError("lists of unequal length: " + ", ".join(f"{name} {n}" for name, n in lengths.items()))
    if not lists["clean"]:
        raise UserError("there are no prompts: clean is an empty list")
    lists["pair"] = lists.pop("cluster", [None] * len(lists["clean"]))
    rows = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    return _section(model, WrittenOut, rows, each, keep, min_gap)


def by_frame(
    model: LoadedModel,
    frame: pd.DataFrame,
    cluster: object,
    keep: Keep,
    min_gap: float,
    roles: Mapping[str, Role | None],
) -> PromptsConfig:
    """Prompt pairs as rows of a frame with the columns of a prompts file (docs/prompts.md); what does not fit is left out.

    Raises UserError for missing columns, and for damaged rows: the first ten are told.
    """
    columns = {
        str(name): frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in frame.columns
    }
    if cluster is not None:
        if not isinstance(cluster, str) or cluster not in columns:
            raise UserError(f"with a frame, cluster is the name of one of its columns, not {quoted(cluster)}")
        columns["pair"] = columns[cluster]
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise UserError(
            f"the frame has no column {' and no '.join(map(repr, missing))}, only {', '.join(map(repr, columns))}; rename "
            "yours, as in frame.rename(columns={'prompt': 'clean'})"
        )
    for name in NEEDED:  # an empty cell is told with its row
        columns[name] = [
            cell if cell is None or isinstance(cell, str) else _text(name, cell, model) for cell in columns[name]
        ]
    rows = [dict(zip(columns, map(plain, row), strict=True)) for row in zip(*columns.values(), strict=True)]
    return _section(model, FromRows, rows, placed(roles, columns), keep, min_gap)


def _section(
    model: LoadedModel, task: type[FromRows], rows: Sequence[Row], roles: PlacedRoles, keep: Keep, min_gap: float
) -> PromptsConfig:
    """The section; without a role `key`, it is the first token in which the prompts of a pair differ."""
    for column, cells in roles.columns.items():
        rows = [{**row, column: cell} for row, cell in zip(rows, map(plain, cells), strict=True)]
    asked, specs = task(given=tuple(rows)), roles.specs
    if "key" not in specs:
        pairs = [(pair.clean, pair.corrupted) for pair in asked.candidates()]
        places = first_differences(model, pairs)
        rows = [{**row, KEY: place} for row, place in zip(rows, places, strict=True)]
        asked, specs = task(given=tuple(rows)), {**specs, "key": RoleSpec(position=f"{{{KEY}}}")}
    return section(GivenPrompts, {"task": asked, "roles": specs, "keep": keep, "min_gap": min_gap})


def _cluster(given: Any) -> str | None:
    """None: a prompt is a cluster of its own."""
    name = plain(given)
    if name is not None and (isinstance(name, bool) or not isinstance(name, str | int)):
        raise UserError(
            f"cluster: a name is text, a whole number, or None for a prompt of its own, not {quoted(given)}"
        )
    return None if name is None else str(name)


def _texts(name: str, given: Prompts | None, model: LoadedModel) -> list[str]:
    if given is None:
        raise UserError(
            f"{name} is missing: give clean, corrupted, answer and foil, a frame with these columns, or a task"
        )
    entries = [given] if isinstance(given, str) else listed(name, given, "texts, or of lists of token ids")
    return [str(text) if isinstance(text, str) else _text(name, text, model) for text in entries]


def _text(name: str, ids: Any, model: LoadedModel) -> str:
    """Token ids as the text that has them."""
    tokenizer, most = model.tokenizer, model.info.d_vocab
    try:
        wanted = [
            operator.index(token) for token in ([ids] if isinstance(plain(ids), int) else listed(name, ids, "ids"))
        ]
    except (TypeError, UserError):
        raise UserError(f"{name}: {quoted(ids)} is neither text nor token ids") from None
    outside = [token for token in wanted if not 0 <= token < most]
    if outside:
        raise UserError(f"{name}: {outside[0]} is no token of this model, which has the ids 0 to {most - 1}")
    text = str(tokenizer.decode(wanted))
    if list(tokenizer(text, add_special_tokens=False)["input_ids"]) != wanted:
        raise UserError(
            f"{name}: no text has exactly the tokens {wanted} (the nearest, {text!r}, has others); give text"
        )
    return text
