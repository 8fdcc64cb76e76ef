"""Prompts to tokens: every prompt checked, every drop with its reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.prompts.encoder import Encoder
from interp.prompts.pairs import Answers, PromptPair, PromptSet
from interp.prompts.pieces import shown
from interp.prompts.roles import RoleSpec

if TYPE_CHECKING:
    import torch
else:
    torch = lazy("torch")


AHEAD = 10_000  # prompts whose texts are tokenised in one call


@dataclass(frozen=True)
class Dropped:
    """A prompt that the run does not use, and why."""

    pair: str
    template: str
    reason: str


@dataclass(frozen=True)
class Encoded:
    """A candidate whose clean prompt and answers are tokens; `roles` are people's positions.

    `answers` are the tokens of every right answer, the first one's first.
    """

    pair: PromptPair
    clean: tuple[int, ...]
    tokens: tuple[str, ...]
    answers: Answers
    roles: Mapping[str, tuple[int, ...]]


def encode(
    pairs: Sequence[PromptPair],
    encoder: Encoder,
    roles: Mapping[str, RoleSpec],
    strict: bool,
    any_length: bool = False,
) -> tuple[list[Encoded], list[Dropped]]:
    """Tokenise clean prompts and answers, resolve the roles, keep the commonest length of each template.

    With `strict` (prompts that the user wrote out one by one) the first misfit is a UserError; otherwise it is dropped.
    With `any_length` every length of a template is kept, as a template of its own.
    """
    fitting: list[Encoded] = []
    dropped: list[Dropped] = []
    for pair in _clean_ahead(pairs, encoder):
        try:
            fitting.append(_encode_one(pair, encoder, roles))
        except UserError as error:
            if strict:
                raise UserError(f"prompt {shown(pair.clean)}: {error}") from None
            dropped.append(Dropped(pair.pair, pair.template, str(error)))
    kept: list[Encoded] = []
    templates: dict[str, list[Encoded]] = defaultdict(list)
    for prompt in fitting:
        templates[prompt.pair.template].append(prompt)
    for template, members in templates.items():
        if any_length:
            kept += _by_shape(members)
            continue
        shape = Counter(_shape(prompt) for prompt in members).most_common(1)[0][0]
        for prompt in members:
            if _shape(prompt) == shape:
                kept.append(prompt)
                continue
            reason = (
                f"the prompt is {len(prompt.tokens)} tokens long with roles at {dict(prompt.roles)}, where its template "
                f"gives {shape[0] - encoder.n_bos} tokens and {dict(shape[1])}"
            )
            if strict:
                raise UserError(
                    f"prompts of unequal length in template {template!r}: {shown(prompt.pair.clean)}: {reason}"
                )
            dropped.append(Dropped(prompt.pair.pair, template, reason))
    return kept, dropped


def _shape(prompt: Encoded) -> tuple[int, tuple[tuple[str, tuple[int, ...]], ...]]:
    return len(prompt.clean), tuple(sorted(prompt.roles.items()))


def _by_shape(members: list[Encoded]) -> list[Encoded]:
    """Prompts of one template, those of another length or other roles under a template of their own."""
    shapes = {_shape(prompt): prompt for prompt in members}
    if len(shapes) == 1:
        return members
    lengths = Counter(n_tokens for n_tokens, _ in shapes)

    def name(prompt: Encoded) -> str:
        places = ", ".join(f"{role} at {','.join(map(str, at))}" for role, at in sorted(prompt.roles.items()))
        alike = lengths[len(prompt.clean)] > 1
        return f"{prompt.pair.template} ({len(prompt.tokens)} tokens{', ' + places if alike else ''})"

    return [replace(prompt, pair=replace(prompt.pair, template=name(prompt))) for prompt in members]


def _clean_ahead(pairs: Sequence[PromptPair], encoder: Encoder) -> Iterator[PromptPair]:
    """The pairs, each after its clean prompt has been tokenised together with others."""
    for first in range(0, len(pairs), AHEAD):
        some = pairs[first : first + AHEAD]
        encoder.look_ahead(
            text
            for pair in some
            for text in (pair.clean, *(pair.clean + answer for answer in (pair.answer, *pair.answers)))
        )
        yield from some


def _encode_one(pair: PromptPair, encoder: Encoder, roles: Mapping[str, RoleSpec]) -> Encoded:
    clean = encoder.prompt(pair.clean)
    if len(clean) == encoder.n_bos:
        raise UserError("the prompt is empty, so there is no token to be key or query")
    tokens = encoder.texts(clean[encoder.n_bos :])
    resolved = {
        name: spec.resolve(name, tokens, pair.fields, partial(encoder.spans, pair.clean))
        for name, spec in roles.items()
    }
    key, query = resolved["key"], resolved["query"]
    if len(key) != 1 or len(query) != 1:
        raise UserError(f"the roles key and query need one position each, not {list(key)} and {list(query)}")
    if key[0] > query[0]:
        raise UserError(
            f"key position {key[0]} comes after query position {query[0]}; attention is causal, so no head can "
            "carry anything backwards"
        )
    answers = tuple(encoder.following(pair.clean, text, "the answer") for text in (pair.answer, *pair.answers))
    if any(len(tokens_of) > 1 for tokens_of in answers):
        if query != (len(tokens),):
            raise UserError("an answer of several tokens follows the last token, so the role query must be at the end")
        if len(answers) > 1:
            raise UserError("of several right answers each must be one token")
    return Encoded(pair, tuple(clean), tokens, answers, resolved)


def batch(
    name: str, members: Sequence[Encoded], numbers: Sequence[int], encoder: Encoder, strict: bool
) -> tuple[PromptSet | None, list[Dropped]]:
    """One PromptSet of `members` (one template), with their corrupted prompts tokenised and checked.

    `numbers` are the members' numbers in the run; those that are left keep theirs. None when no prompt is left.
    """
    good: list[tuple[int, Encoded, tuple[int, ...], Answers]] = []
    dropped: list[Dropped] = []
    for number, prompt in zip(numbers, _corrupted_ahead(members, encoder), strict=True):
        try:
            good.append((number, prompt, *_encode_corrupted(prompt, encoder)))
        except UserError as error:
            if strict:
                raise UserError(f"prompt {shown(prompt.pair.clean)}: {error}") from None
            dropped.append(Dropped(prompt.pair.pair, prompt.pair.template, str(error)))
    if not good:
        return None, dropped
    kept, encoded, corrupted, foils = zip(*good, strict=True)
    return PromptSet(
        name=name,
        pairs=tuple(prompt.pair for prompt in encoded),
        prompts=kept,
        clean=torch.from_numpy(np.array([prompt.clean for prompt in encoded], dtype=np.int64)),
        corrupted=torch.from_numpy(np.array(corrupted, dtype=np.int64)),
        answer=torch.tensor([prompt.answers[0][0] for prompt in encoded]),
        foil=torch.tensor([wrong[0][0] for wrong in foils]),
        answers=tuple(prompt.answers for prompt in encoded),
        foils=foils,
        clean_tokens=tuple(prompt.tokens for prompt in encoded),
        corrupted_tokens=tuple(encoder.texts(ids[encoder.n_bos :]) for ids in corrupted),
        roles=encoded[0].roles,
        bos=encoder.n_bos,
    ), dropped


def _corrupted_ahead(members: Sequence[Encoded], encoder: Encoder) -> Iterator[Encoded]:
    for first in range(0, len(members), AHEAD):
        some = members[first : first + AHEAD]
        encoder.look_ahead(
            text
            for pair in (prompt.pair for prompt in some)
            for text in (pair.corrupted, *(pair.corrupted + foil for foil in (pair.foil, *pair.foils)))
        )
        yield from some


def _encode_corrupted(prompt: Encoded, encoder: Encoder) -> tuple[tuple[int, ...], Answers]:
    corrupted = encoder.prompt(prompt.pair.corrupted)
    if len(corrupted) != len(prompt.clean):
        raise UserError(
            f"the corrupted prompt {shown(prompt.pair.corrupted)} has {len(corrupted) - encoder.n_bos} tokens, but the clean "
            f"prompt has {len(prompt.tokens)}; they must be equally long"
        )
    if tuple(corrupted) == prompt.clean:
        raise UserError(f"the corrupted prompt {shown(prompt.pair.corrupted)} equals the clean prompt")
    foils = tuple(
        encoder.following(prompt.pair.corrupted, text, "the foil") for text in (prompt.pair.foil, *prompt.pair.foils)
    )
    if both := set(foils) & set(prompt.answers):
        text = "".join(map(encoder.text, both.pop()))
        raise UserError(f"the foil {shown(text)} is the answer itself")
    return tuple(corrupted), foils
