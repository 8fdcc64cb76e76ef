"""Text to token ids, in context: a word's tokens depend on what stands before it.

A SentencePiece tokenizer puts a word boundary before the first word of whatever it is given, so the token of an answer
is not that of the answer alone. It is the one by which `prompt + answer` goes beyond `prompt`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from interp.errors import UserError
from interp.prompts.pieces import barred, shown, token_text


class Encoder:
    """A Hugging Face tokenizer without special tokens, plus a BOS token when the model is run with one.

    Args:
        n_embeddings: tokens that the model has an embedding for; None: any. A tokenizer may know more.
        n_context: tokens of the longest prompt that the model can read, BOS included; None: any.
        several: answers and foils may have more than one token, because the metric reads all of them.
    """

    def __init__(
        self,
        tokenizer: Any,
        prepend_bos: bool,
        n_embeddings: int | None = None,
        n_context: int | None = None,
        several: bool = False,
    ) -> None:
        self._tokenizer = tokenizer
        self._n_embeddings = n_embeddings
        self._n_context = n_context
        self.several = several
        self._ahead: dict[str, list[int]] = {}
        self._texts = _Texts(tokenizer)
        self._bos: list[int] = []
        if prepend_bos:
            if tokenizer.bos_token_id is None:
                raise UserError("model.prepend_bos is true, but this tokenizer has no beginning-of-sequence token")
            self._bos = self._known([tokenizer.bos_token_id], "model.prepend_bos")

    @property
    def n_bos(self) -> int:
        """Leading BOS tokens (0 or 1)."""
        return len(self._bos)

    def ids(self, text: str) -> list[int]:
        """Token ids of a text, without BOS; UserError for a text or token that tokenizer or model does not know."""
        if (known := self._ahead.get(text)) is not None:
            return known
        try:
            ids = list(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        except Exception as error:  # tokenizers raises nothing narrower
            raise UserError(f"the tokenizer cannot encode {shown(text)} ({error})") from None
        return self._known(ids, f"the text {shown(text)}")

    def look_ahead(self, texts: Iterable[str]) -> None:
        """Tokenise many texts in one call, for `ids` to find: one by one, 10^5 prompts take a minute.

        What cannot be encoded, or has a token that is not known, is told when it is asked for. What was tokenised ahead before is
        forgotten.
        """
        distinct = list(dict.fromkeys(texts))
        self._ahead = {}
        try:
            # Masks, which nobody reads, would take a third of the time.
            ids = self._tokenizer(
                distinct, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False
            )["input_ids"]
        except Exception:  # tokenizers raises nothing narrower, and does not say for which text
            return
        most = float("inf") if self._n_embeddings is None else self._n_embeddings
        self._ahead = {text: mine for text, mine in zip(distinct, ids, strict=True) if not mine or max(mine) < most}

    def spans(self, text: str) -> list[tuple[int, int]]:
        """First and end character of every token of a text, without BOS; UserError where the tokenizer cannot say."""
        if not self._tokenizer.is_fast:
            raise UserError(
                "this tokenizer does not say which characters its tokens hold; give a role's token or position"
            )
        offsets = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        return [(int(first), int(end)) for first, end in offsets]

    def prompt(self, text: str) -> list[int]:
        """Token ids of a prompt as the model sees them, BOS included; UserError when it is empty or too long for it."""
        ids = self.ids(text)
        if not ids:
            raise UserError("the prompt is empty: it has no token at which anything could be measured")
        if self._n_context is not None and len(self._bos) + len(ids) > self._n_context:
            bos = " and the BOS token" if self._bos else ""
            raise UserError(
                f"the prompt has {len(ids):,} tokens{bos}, but the model reads at most {self._n_context:,} (its context)"
            )
        return [*self._bos, *ids]

    def text(self, token: int) -> str:
        """A token as text; bytes of a partial character as `<E5>`."""
        return self._texts[token]

    def texts(self, ids: Iterable[int]) -> tuple[str, ...]:
        """The tokens of a prompt as texts."""
        return tuple(map(self._texts.__getitem__, ids))

    def following(self, prompt: str, text: str, what: str) -> tuple[int, ...]:
        """The tokens by which `prompt + text` goes beyond `prompt`: one, unless the metric reads several.

        UserError when they are none or too many, when the tokenizer does not know one, or when the prompt's own tokens are
        others with `text` behind them: then no run of the prompt is ever asked for it.
        """
        before, after = self.ids(prompt), self.ids(prompt + text)
        if after[: len(before)] != before:
            raise UserError(
                f"{what} {shown(text)} changes the prompt's own tokens, from {self._bars(before)} to {self._bars(after)}; end the "
                f"prompt where a token ends (a space between the two belongs to {what})"
            )
        added = after[len(before) :]
        if not added or (len(added) > 1 and not self.several):
            raise UserError(
                f"{what} {shown(text)} is {len(added)} tokens ({self._bars(added)}), where one is needed"
                + ("; metrics of log probability take several" if added else "")
            )
        # The last token of an answer is never read.
        if self._n_context is not None and len(self._bos) + len(after) - 1 > self._n_context:
            raise UserError(
                f"the prompt and {what} {shown(text)} have {len(after):,} tokens, but the model reads at most "
                f"{self._n_context:,} (its context)"
            )
        unknown, stands_for_it = self._unknown
        if unknown in added and stands_for_it not in text:
            raise UserError(
                f"{what} {shown(text)} is unknown to the tokenizer: it stands for it as {self.text(unknown)}"
            )
        return tuple(added)

    def added(self, before: str, text: str) -> int:
        """Tokens that `text` adds behind `before`; 0 where it changes the tokens of `before`, or holds an unknown one."""
        first, both = self.ids(before), self.ids(before + text)
        added = both[len(first) :]
        known = both[: len(first)] == first and self._unknown[0] not in added
        return len(added) if known else 0

    @cached_property
    def _unknown(self) -> tuple[int, str]:
        """The token that stands for what the tokenizer does not know, and its text; -1 where there is none."""
        token = self._tokenizer.unk_token_id
        return (-1, "") if token is None else (int(token), str(self._tokenizer.unk_token))

    def _known(self, ids: list[int], what: str) -> list[int]:
        most = self._n_embeddings
        for token in ids:
            if most is not None and token >= most:
                raise UserError(
                    f"{what} has the token {self.text(token)!r} with id {token}, but the model's embedding ends at id "
                    f"{most - 1}: the tokenizer knows more tokens than the model"
                )
        return ids

    def _bars(self, ids: list[int]) -> str:
        return barred(self.texts(ids))


class _Texts(dict[int, str]):
    """Token id -> its text, decoded once."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def __missing__(self, token: int) -> str:
        self[token] = text = token_text(self._tokenizer, token)
        return text
