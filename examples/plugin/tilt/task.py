"""Task `copy_ids`: prompts of token ids whose answer is the second token; no tokenizer is needed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from interp.prompts import PromptPair, Task, tasks


@tasks.register
class CopyIds(Task):
    """`7 3 0 0`: the answer is the token at position 2, and the corrupted prompt has another token there."""

    kind: Literal["copy_ids"] = "copy_ids"
    n_tokens: int = Field(default=4, ge=3, le=64, description="Length of a prompt.")
    n_ids: int = Field(default=6, ge=2, le=1000, description="Token ids that are copied: 1 to n_ids.")

    def candidates(self) -> list[PromptPair]:
        """One pair a token; the first is the one that reports show."""
        return [self._pair(one) for one in range(1, self.n_ids + 1)]

    def _pair(self, one: int) -> PromptPair:
        other = one % self.n_ids + 1
        rest = " 0" * (self.n_tokens - 2)
        return PromptPair(
            clean=f"0 {one}{rest}",
            corrupted=f"0 {other}{rest}",
            answer=f" {one}",
            foil=f" {other}",
            template="copy",
            pair=f"token {one}",
            focus=one == 1,
        )
