"""Text to tokens: every prompt checked, every drop with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interp.errors import UserError
from interp.lazy import lazy
from interp.prompts.pairs import PromptPair, PromptSet
from interp.prompts.pieces import token_text
from interp.prompts.roles import RoleSpec

if TYPE_CHECKING:
    import torch
else:
    torch = lazy("torch")


@dataclass(frozen=True)
class Dropped:
    """A prompt that the run does not use, and why."""

    pair: str
    template: str
    reason: str


class Encoder:
    """A Hugging Face tokenizer without special tokens, plus a BOS token when the model is run with one."""

    def __init__(self, tokenizer: Any, prepend_bos: bool) -> None:
        self._tokenizer = tokenizer
        self._bos: list[int] = []
        if prepend_bos:
            if tokenizer.bos_token_id is None:
                raise UserError("model.prepend_bos is true, but this tokenizer has no beginning-of-sequence token")
            self._bos = [tokenizer.bos_token_id]

    @property
    def n_bos(self) -> int:
        """Leading BOS tokens (0 or 1)."""
        return len(self._bos)

    def ids(self, text: str) -> list[int]:
        """Token ids of a text, without BOS."""
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def prompt(self, text: str) -> list[int]:
        """Token ids of a prompt as the model sees them, BOS included."""
        return [*self._bos, *self.ids(text)]

    def text(self, token: int) -> str:
        """A token as text; bytes of a partial character as `<E5>`."""
        return token_text(self._tokenizer, token)

    def single(self, text: str, what: str) -> int:
        """The one token id of `text`; UserError when it is several tokens, or none."""
        ids = self.ids(text)
        if len(ids) != 1:
            raise UserError(
                f"{what} {text!r} is {len(ids)} tokens ({'|'.join(map(self.text, ids))}), where one is needed"
            )
        return ids[0]


@dataclass(frozen=True)
class Encoded:
    """A candidate whose clean prompt and answer are tokens; `roles` are people's positions."""

    pair: PromptPair
    clean: tuple[int, ...]
    tokens: tuple[str, ...]
    answer: int
    roles: Mapping[str, tuple[int, ...]]


def encode(
    pairs: Sequence[PromptPair], encoder: Encoder, roles: Mapping[str, RoleSpec], strict: bool
) -> tuple[list[Encoded], list[Dropped]]:
    """Tokenise clean prompts and answers, resolve the roles, keep the commonest length of each template.

    With `strict` (prompts that the user wrote out one by one) the first misfit is a UserError; otherwise it is dropped.
    """
    fitting: list[Encoded] = []
    dropped: list[Dropped] = []
    for pair in pairs:
        try:
            fitting.append(_encode_one(pair, encoder, roles))
        except UserError as error:
            if strict:
                raise UserError(f"prompt {pair.clean!r}: {error}") from None
            dropped.append(Dropped(pair.pair, pair.template, str(error)))
    kept: list[Encoded] = []
    for template in dict.fromkeys(one.pair.template for one in fitting):
        members = [one for one in fitting if one.pair.template == template]
        shape = Counter((len(one.clean), tuple(sorted(one.roles.items()))) for one in members).most_common(1)[0][0]
        for one in members:
            if (len(one.clean), tuple(sorted(one.roles.items()))) == shape:
                kept.append(one)
                continue
            reason = (
                f"the prompt is {len(one.tokens)} tokens long with roles at {dict(one.roles)}, where its template "
                f"gives {shape[0] - encoder.n_bos} tokens and {dict(shape[1])}"
            )
            if strict:
                raise UserError(f"prompts of unequal length in template {template!r}: {one.pair.clean!r}: {reason}")
            dropped.append(Dropped(one.pair.pair, template, reason))
    return kept, dropped


def _encode_one(pair: PromptPair, encoder: Encoder, roles: Mapping[str, RoleSpec]) -> Encoded:
    clean = encoder.prompt(pair.clean)
    tokens = tuple(encoder.text(token) for token in clean[encoder.n_bos :])
    resolved = {name: spec.resolve(name, tokens, pair.fields) for name, spec in roles.items()}
    key, query = resolved["key"], resolved["query"]
    if len(key) != 1 or len(query) != 1:
        raise UserError(f"the roles key and query need one position each, not {list(key)} and {list(query)}")
    if key[0] > query[0]:
        raise UserError(
            f"key position {key[0]} comes after query position {query[0]}; attention is causal, so no head can "
            "carry anything backwards"
        )
    return Encoded(pair, tuple(clean), tokens, encoder.single(pair.answer, "the answer"), resolved)


def batch(
    name: str, members: Sequence[Encoded], first: int, encoder: Encoder, strict: bool
) -> tuple[PromptSet | None, list[Dropped]]:
    """One PromptSet of `members` (one template), with their corrupted prompts tokenised and checked.

    `first` is the number of the first prompt. None when no prompt is left.
    """
    good: list[tuple[Encoded, tuple[int, ...], int]] = []
    dropped: list[Dropped] = []
    for one in members:
        try:
            good.append((one, *_encode_corrupted(one, encoder)))
        except UserError as error:
            if strict:
                raise UserError(f"prompt {one.pair.clean!r}: {error}") from None
            dropped.append(Dropped(one.pair.pair, one.pair.template, str(error)))
    if not good:
        return None, dropped
    return PromptSet(
        name=name,
        pairs=tuple(one.pair for one, _, _ in good),
        prompts=tuple(range(first, first + len(good))),
        clean=torch.tensor([one.clean for one, _, _ in good]),
        corrupted=torch.tensor([corrupted for _, corrupted, _ in good]),
        answer=torch.tensor([one.answer for one, _, _ in good]),
        foil=torch.tensor([foil for _, _, foil in good]),
        clean_tokens=tuple(one.tokens for one, _, _ in good),
        corrupted_tokens=tuple(tuple(map(encoder.text, corrupted[encoder.n_bos :])) for _, corrupted, _ in good),
        roles=good[0][0].roles,
        bos=encoder.n_bos,
    ), dropped


def _encode_corrupted(one: Encoded, encoder: Encoder) -> tuple[tuple[int, ...], int]:
    corrupted = encoder.prompt(one.pair.corrupted)
    if len(corrupted) != len(one.clean):
        raise UserError(
            f"the corrupted prompt {one.pair.corrupted!r} has {len(corrupted) - encoder.n_bos} tokens, but the clean "
            f"prompt has {len(one.tokens)}; they must be equally long"
        )
    if tuple(corrupted) == one.clean:
        raise UserError(f"the corrupted prompt {one.pair.corrupted!r} equals the clean prompt")
    foil = encoder.single(one.pair.foil, "the foil")
    if foil == one.answer:
        raise UserError(f"the foil {one.pair.foil!r} is the answer itself")
    return tuple(corrupted), foil
