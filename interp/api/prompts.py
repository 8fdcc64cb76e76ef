"""Lists of prompts, as a notebook has them, to the `prompts` section that a YAML would have."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeGuard

from interp.api.given import listed, of_kind, plain, section
from interp.configs.mistakes import quoted
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
    settings = dict(task) if isinstance(task, Mapping) else {}
    asked = of_kind(tasks, settings.pop("kind", None) if isinstance(task, Mapping) else task, settings, Task)
    given = {name: role_of(name, role) for name, role in roles.items() if role is not None}
    defaults = {name: spec for name, spec in PromptsConfig().roles.items() if name not in given}
    return section(PromptsConfig, {"task": asked, "roles": defaults | given, "keep": keep, "min_gap": min_gap})


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
    lists = {name: _texts(name, columns[name], model) for name in COLUMNS}
    lengths = {name: len(texts) for name, texts in lists.items()}
    clusters = None if cluster is None else [_cluster(one) for one in listed("cluster", cluster, "names")]
    if clusters is not None:
        lengths["cluster"] = len(clusters)
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
    words = _words(*next(iter(several.items()))) if several else [""] * len(lists["clean"])
    pairs = [
        ListedPair(
            clean=lists["clean"][number],
            corrupted=lists["corrupted"][number],
            answer=lists["answer"][number],
            foil=lists["foil"][number],
            word=words[number],
            cluster=None if clusters is None else clusters[number],
            template=f"{len(tokens[0][number])} tokens",
        )
        for number in range(len(lists["clean"]))
    ]
    specs = {name: RoleSpec(token="{word}") if name in several else role_of(name, role) for name, role in given.items()}
    task = Listed(pairs=tuple(pairs))
    return section(PromptsConfig, {"task": task, "roles": specs, "keep": keep, "min_gap": min_gap})


def role_of(name: str, role: Role | None) -> RoleSpec:
    """A role as a notebook says it, as a RoleSpec."""
    if not isinstance(name, str):
        raise UserError(f"the name of a role must be text, not {name!r}")
    if isinstance(role, RoleSpec):
        return role
    role = plain(role)
    if isinstance(role, bool) or not isinstance(role, int | str):
        raise UserError(f"the role {name!r} must be a position (from 1), 'end', or a token's text, not {quoted(role)}")
    where = "position" if isinstance(role, int) or role == "end" else "token"
    return section(RoleSpec, {where: role}, f"the role {name!r}")


def _one_each(role: Any) -> TypeGuard[Sequence[str]]:
    return isinstance(role, Sequence) and not isinstance(role, str)


def _words(role: str, given: Sequence[str]) -> list[str]:
    for one in given:
        if not isinstance(one, str):
            raise UserError(
                f"the role {role!r}: a list holds the text of one token for every prompt, not {quoted(one)}"
            )
    return list(given)


def _cluster(given: Any) -> str | None:
    """None: a prompt is a cluster of its own."""
    name = plain(given)
    if name is not None and (isinstance(name, bool) or not isinstance(name, str | int)):
        raise UserError(
            f"cluster: a name is text, a whole number, or None for a prompt of its own, not {quoted(given)}"
        )
    return None if name is None else str(name)


def _texts(name: str, given: Any, model: LoadedModel) -> list[str]:
    if given is None:
        raise UserError(f"{name} is missing: give clean, corrupted, answer and foil, or a task")
    entries = [given] if isinstance(given, str) else listed(name, given, "texts, or of lists of token ids")
    return [str(one) if isinstance(one, str) else _text(name, one, model) for one in entries]


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
