"""The difference of two models as a low-rank adapter: the best approximation of every matrix at a rank (truncated SVD).

Where all weights of the attention were trained, this is what ships: PEFT's format, a fraction of the size, and judged as
read back from the file.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

PREFIX, A, B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
LowRank = tuple[dict[str, Tensor], dict[str, Any]]
"""Tensors and settings of an adapter, in PEFT's names."""


def difference(hf_model: Any, dense: Any, names: list[str], rank: int) -> LowRank:
    """The difference of two models' weight matrices at a rank (truncated SVD), as tensors and settings of an adapter.

    `names` are those of the modules, as in `named_modules`. A rank above a matrix' own keeps all of it.
    """
    state: dict[str, Tensor] = {}
    before = dict(dense.named_modules())
    after = dict(hf_model.named_modules())
    for name in names:
        delta = _oriented(after[name], (after[name].weight - before[name].weight).detach().float().cpu())
        a, b = factors(delta, rank)
        state |= {f"{PREFIX}{name}{A}": a, f"{PREFIX}{name}{B}": b}
    settings = {
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "inference_mode": True,
        "target_modules": sorted(names),
        "fan_in_fan_out": bool(names) and type(after[names[0]]).__name__ == "Conv1D",
    }
    return state, settings


def factors(delta: Float[Tensor, "out in"], rank: int) -> tuple[Float[Tensor, "rank in"], Float[Tensor, "out rank"]]:
    """A and B with B A the best approximation of a matrix at a rank; the rest of a larger rank is 0."""
    u, s, v = torch.linalg.svd(delta, full_matrices=False)
    a, b = delta.new_zeros(rank, delta.shape[1]), delta.new_zeros(delta.shape[0], rank)
    kept = min(rank, len(s))
    root = s[:kept].sqrt()
    a[:kept], b[:, :kept] = root[:, None] * v[:kept], u[:, :kept] * root
    return a, b


def _oriented(module: Any, matrix: Tensor) -> Tensor:
    """GPT-2's Conv1D keeps its weights as [in, out]."""
    return matrix.T if type(module).__name__ == "Conv1D" else matrix
