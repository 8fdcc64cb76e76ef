"""The dense teacher: its logits, and its last hidden states kept for rows that come again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from interp.models.room import room
from interp.sparsify.readout import logits_of

ON_CPU, PART_OF_GPU = 2_000_000_000, 0.125
"""Bytes, and share of a GPU, that kept hidden states may take."""


class Teacher:
    """The dense model behind a gated one. `dense` makes the model dense for a while, where both share their weights."""

    def __init__(self, hf_model: Any, dense: Callable[[], AbstractContextManager[Any]] = nullcontext) -> None:
        self._model, self._dense = hf_model, dense
        self._kept: dict[int, Float[Tensor, "pos d_model"]] = {}

    def to(self, device: torch.device) -> None:
        """Move the dense model there."""
        self._model.to(device)

    @torch.no_grad()
    def __call__(self, tokens: Tensor, **inputs: Any) -> Float[Tensor, "sequence pos d_vocab"]:
        with self._dense():
            return self._model(tokens, **inputs).logits

    @torch.no_grad()
    def of_rows(self, rows: list[int], inputs: dict[str, Tensor]) -> Float[Tensor, "row pos d_model"]:
        """Last hidden states of numbered rows, whose text never changes: free from the second time on."""
        missing = [place for place, row in enumerate(rows) if row not in self._kept]
        if not missing:
            return torch.stack([self._kept[row] for row in rows])
        with self._dense():
            hidden = self._model.get_decoder()(**inputs).last_hidden_state
        most = room(hidden.device, ON_CPU, PART_OF_GPU)
        for place in missing:
            if (len(self._kept) + 1) * hidden[place].nbytes <= most:
                self._kept[rows[place]] = hidden[place].clone()
        return hidden

    @torch.no_grad()
    def logits(self, hidden: Float[Tensor, "row pos d_model"]) -> Float[Tensor, "row pos d_vocab"]:
        """Logits of last hidden states."""
        with self._dense():
            return logits_of(self._model, hidden)
