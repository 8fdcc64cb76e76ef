"""Lists of prompts, as a notebook has them, to the `prompts` section that a YAML would have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeGuard

from interp.errors import UserError
from interp.models import LoadedModel
from interp.prompts.config import PromptsConfig
from interp.prompts.encoder import Encoder
from interp.prompts.listed import Listed, ListedPair
from interp.prompts.roles import RoleSpec
from interp.prompts.task import Task, tasks

Role = int | str | Sequence[str] | RoleSpec
"""A position counted from 1, "end", a token's text, one token a prompt, or a full RoleSpec."""
Prompt = str | Sequence[int]
Keep = Literal["all", "correct", "correct_in_every_template"]
COLUMNS = ("clean", "corrupted", "answer", "foil")


def by_task(
    task: str | Mapping[str, Any] | Task, keep: Keep, min_gap: float, roles: Mapping[str, Role]
) -> PromptsConfig:
    """The prompts of a task, by its name, its settings or itself."""
    if not isinstance(task, Task):
        settings = {"kind": task} if isinstance(task, str) else dict(task)
        task = tasks[str(settings.get("kind"))].model_validate(settings)
    given = {name: role_of(name, role) for name, role in roles.items() if role is not None}
    defaults = {name: spec for name, spec in PromptsConfig().roles.items() if name not in given}
    return PromptsConfig(task=task, roles=defaults | given, keep=keep, min_gap=min_gap)


def by_lists(
    model: LoadedModel,
    columns: Mapping[str, Sequence[Prompt] | Prompt | None],
    cluster: Sequence[str] | None,
    keep: Keep,
    min_gap: float,
    roles: Mapping[str, Role | None],
) -> PromptsConfig:
    """Prompt pairs given as lists of equal length; pairs of equal token length are batched together.

    Raises UserError for lists of unequal length and for a key that cannot be told from the prompts.
    """
    lists = {name: _texts(name, columns[name], model.tokenizer) for name in COLUMNS}
    lengths = {name: len(texts) for name, texts in lists.items()}
    if cluster is not None:
        lengths["cluster"] = len(cluster)
    lengths |= {name: len(role) for name, role in roles.items() if _one_each(role)}
    if len(set(lengths.values())) > 1:
        raise UserError("lists of unequal length: " + ", ".join(f"{name} {n}" for name, n in lengths.items()))
    if not lists["clean"]:
        raise UserError("there are no prompts: clean is an empty list")
    encoder = Encoder(model.tokenizer, model.info.prepend_bos, model.info.d_vocab, model.info.n_ctx)
    tokens = [[encoder.ids(text) for text in lists[side]] for side in ("clean", "corrupted")]
    given = dict(roles)
    if given.get("key") is None:
        given["key"] = _where_they_differ(*tokens)
    several = {name: role for name, role in given.items() if _one_each(role)}
    if len(several) > 1:
        raise UserError(f"only one role can be a list with a token for every prompt, not {' and '.join(several)}")
    words = next(iter(several.values())) if several else [""] * len(lists["clean"])
    pairs = [
        ListedPair(
            clean=lists["clean"][number],
            corrupted=lists["corrupted"][number],
            answer=lists["answer"][number],
            foil=lists["foil"][number],
            word=words[number],
            cluster=None if cluster is None else str(cluster[number]),
            template=f"{len(tokens[0][number])} tokens",
        )
        for number in range(len(lists["clean"]))
    ]
    specs = {name: RoleSpec(token="{word}") if name in several else role_of(name, role) for name, role in given.items()}
    return PromptsConfig(task=Listed(pairs=tuple(pairs)), roles=specs, keep=keep, min_gap=min_gap)


def role_of(name: str, role: Role | None) -> RoleSpec:
    """A role as a notebook says it, as a RoleSpec."""
    if isinstance(role, RoleSpec):
        return role
    if isinstance(role, bool) or not isinstance(role, int | str):
        raise UserError(f"the role {name!r} must be a position (from 1), 'end', or a token's text, not {role!r}")
    if isinstance(role, int):
        return RoleSpec(position=role)
    return RoleSpec(position="end") if role == "end" else RoleSpec(token=role)


def _one_each(role: Any) -> TypeGuard[Sequence[str]]:
    return isinstance(role, Sequence) and not isinstance(role, str)


def _texts(name: str, given: Any, tokenizer: Any) -> list[str]:
    if given is None:
        raise UserError(f"{name} is missing: give clean, corrupted, answer and foil, or a task")
    return [
        one if isinstance(one, str) else _text(name, one, tokenizer)
        for one in ([given] if isinstance(given, str) else given)
    ]


def _text(name: str, ids: Any, tokenizer: Any) -> str:
    """Token ids as the text that has them."""
    try:
        wanted = [int(token) for token in ([ids] if isinstance(ids, int) else ids)]
    except (TypeError, ValueError):
        raise UserError(f"{name}: {ids!r} is neither text nor token ids") from None
    text = str(tokenizer.decode(wanted))
    if list(tokenizer(text, add_special_tokens=False)["input_ids"]) != wanted:
        raise UserError(
            f"{name}: no text has exactly the tokens {wanted} (the nearest, {text!r}, has others); give text"
        )
    return text


def _where_they_differ(clean: list[list[int]], corrupted: list[list[int]]) -> int:
    """People's position of the first token in which the two prompts of a pair differ."""
    places = set()
    for one, other in zip(clean, corrupted, strict=True):
        places.add(next((i for i, (a, b) in enumerate(zip(one, other, strict=False), 1) if a != b), 0))
    if len(places) > 1 or 0 in places:
        raise UserError(
            f"the first difference of clean and corrupted prompts is not at one position ({sorted(places)}); say where the "
            "key is: key=5, key='large', or one token for every prompt"
        )
    return places.pop()
