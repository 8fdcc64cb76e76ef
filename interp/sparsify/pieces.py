"""Rows of text cut into pieces that do not see each other, so that one row trains several lengths.

A gate that has only seen long text keeps short text open: in a row of eight keys every weight is large. A row draws a
length, log-uniformly between the shortest and twice its own (longer than itself: the row stays whole), and is cut into
pieces of that length. Half of the pieces begin with the tokenizer's first token, which takes the place of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class Rows:
    """Token rows; `starts` holds for every token where its piece begins (None: every row is one piece)."""

    tokens: Int[Tensor, "row pos"]
    starts: Int[Tensor, "row pos"] | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def inputs(self, rows: list[int], device: Any = "cpu") -> dict[str, Tensor]:
        """What a Hugging Face model is called with for these rows: positions count from each piece's start."""
        tokens = self.tokens[rows].to(device)
        if self.starts is None:
            return {"input_ids": tokens}
        starts = self.starts[rows].to(device)
        positions = torch.arange(tokens.shape[1], device=device)
        seen = (positions[:, None] >= positions) & (starts[:, :, None] == starts[:, None, :])
        # Additive, which every attention function understands.
        mask = torch.zeros(seen.shape, device=device).masked_fill_(~seen, torch.finfo(torch.float32).min)
        return {"input_ids": tokens, "position_ids": positions - starts, "attention_mask": mask[:, None]}


def cut(tokens: Int[Tensor, "row pos"], shortest: int, first_token: int | None, seed: int) -> Rows:
    """Cut every row, the same way for the same seed."""
    rng = torch.Generator().manual_seed(seed)
    made, context = tokens.clone(), tokens.shape[1]
    starts = torch.zeros_like(tokens)
    for row in range(len(tokens)):
        drawn, *firsts = torch.rand(1 + context, generator=rng).tolist()
        length = round(math.exp(math.log(shortest) + drawn * math.log(2 * context / shortest)))
        for start in range(0, context, length):
            # What is left at the end of a row belongs to the piece before it when it is too short for one.
            begin = start if context - start >= min(shortest, context) else max(0, start - length)
            starts[row, start : start + length] = begin
            if first_token is not None and begin == start and firsts[start] < 0.5:
                made[row, start] = first_token
    return Rows(made, starts)


def repeat(rows: Rows, share: float, seed: int) -> Rows:
    """Let this share of the pieces say their first half twice, in place of their second; the same ones for the same seed.

    A piece's first token, which may be the tokenizer's, is said once.
    """
    if not share or rows.starts is None:
        return rows
    rng = torch.Generator().manual_seed(seed + 1)
    made = rows.tokens.clone()
    for row, starts in zip(made, rows.starts, strict=True):
        begins, sizes = starts.unique_consecutive(return_counts=True)
        for begin, size in zip(begins.tolist(), sizes.tolist(), strict=True):
            if float(torch.rand((), generator=rng)) < share:
                half = (size - 1) // 2
                row[begin + 1 + half : begin + 1 + 2 * half] = row[begin + 1 : begin + 1 + half].clone()
    return Rows(made, rows.starts)
