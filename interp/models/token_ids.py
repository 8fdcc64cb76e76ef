"""A tokenizer for models that have none: text is token ids with spaces between them, `3 14 15`."""

from __future__ import annotations

from typing import Any

from interp.errors import UserError


class TokenIds:
    """Reads and writes token ids as text; what prompts need of a Hugging Face tokenizer, and no more.

    Args:
        n_tokens: size of the model's vocabulary.
    """

    bos_token_id = unk_token_id = unk_token = None
    is_fast = False

    def __init__(self, n_tokens: int) -> None:
        self._n_tokens = n_tokens

    def __len__(self) -> int:
        return self._n_tokens

    def get_vocab(self) -> dict[str, int]:
        """Every id by its text."""
        return {str(token): token for token in range(self._n_tokens)}

    def __call__(
        self, text: str | list[str], add_special_tokens: bool = False, **_: Any
    ) -> dict[str, list[int]] | dict[str, list[list[int]]]:
        """`{"input_ids": ids}`, of a list of texts a list; UserError for text that is no list of ids of the vocabulary."""
        if isinstance(text, str):
            return {"input_ids": self._ids(text)}
        return {"input_ids": [self._ids(each) for each in text]}

    def _ids(self, text: str) -> list[int]:
        ids = []
        for word in text.split():
            if not (word.isascii() and word.isdigit()) or int(word) >= self._n_tokens:
                raise UserError(
                    f"{word!r} is no token id: this model has no tokenizer, so prompts and answers are ids from 0 to "
                    f"{self._n_tokens - 1} with spaces between them, such as '3 14 15'"
                )
            ids.append(int(word))
        return ids

    def decode(self, ids: Any, **_: Any) -> str:
        """The ids as text; each begins with a space, so that they can be joined."""
        return "".join(f" {int(token)}" for token in ids)
