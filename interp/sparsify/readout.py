"""A Hugging Face model in two halves: text to last hidden states, and last hidden states to logits.

Between them lies what training wants to touch: logits of all tokens at once take more memory than all else in a step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

NO_POSITIONS = torch.arange(0)
"""As `logits_to_keep`: a forward pass that makes no logits (0 means all positions)."""


@contextmanager
def last_hidden(hf_model: Any) -> Iterator[list[Float[Tensor, "sequence pos d_model"]]]:
    """Collect the last hidden states (behind the last norm) of every forward pass of the model, or of one wrapped around it."""
    found: list[Tensor] = []
    handle = hf_model.get_decoder().register_forward_hook(lambda _, __, out: found.append(out.last_hidden_state))
    try:
        yield found
    finally:
        handle.remove()


def logits_of(hf_model: Any, hidden: Float[Tensor, "sequence pos d_model"]) -> Float[Tensor, "sequence pos d_vocab"]:
    """Logits of last hidden states as the model's own forward pass makes them, with the scale or soft cap of its family."""
    body = hf_model.get_decoder()
    body.forward = lambda *_, **__: _given()(last_hidden_state=hidden)
    try:
        return hf_model(torch.zeros(hidden.shape[:2], dtype=torch.long, device=hidden.device)).logits
    finally:
        del body.forward


def trains_readout(hf_model: Any) -> bool:
    """Whether something is trained that turns last hidden states into logits: then they need a gradient of their own."""
    trained = {id(one) for one in hf_model.parameters() if one.requires_grad}
    head = {id(one) for one in hf_model.get_output_embeddings().parameters()}
    return bool(trained & head or trained - {id(one) for one in hf_model.get_decoder().parameters()})


@cache
def _given() -> Any:
    """A decoder's output of which all but the last hidden states is absent; made once, as transformers keeps every such class."""
    from transformers.modeling_outputs import BaseModelOutput

    class Given(BaseModelOutput):  # type: ignore[misc]
        """What a family returns besides is not there."""

        def __getattr__(self, name: str) -> None:
            return None

    return Given
