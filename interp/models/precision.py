"""What of a model in half precision is computed in float32: the last norm and the unembedding, so also every metric.

A bfloat16 number near 10 is a multiple of 1/16. Logits that were rounded so would make every effect such a multiple, and
differences that are rounding alone would look like effects; the residual stream itself keeps the model's own precision.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn


def read_out_in_float32(model: Any) -> None:
    """Let a HookedTransformer's `ln_final` and `unembed` compute and answer in float32, in place."""
    if model.cfg.dtype in (torch.float32, torch.float64):
        return
    for part in (getattr(model, "ln_final", None), model.unembed):
        if part is None:
            continue
        part.float()
        if hasattr(part, "cfg"):  # TransformerLens' norms cast their output to the config's precision
            part.cfg = copy.copy(part.cfg)
            part.cfg.dtype = torch.float32
        part.register_forward_pre_hook(_widened)


def _widened(module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return (given[0].float(), *given[1:])
