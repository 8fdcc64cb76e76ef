"""A gated MLP whose three matrices each have a bias (Llama with `mlp_bias`), which TransformerLens' GatedMLP has not.

    out = (act(x W_gate + b_gate) * (x W_in + b_up)) W_out + b_out

Its `b_in` is added after the product and stays 0. Hook points are GatedMLP's own, with the biases in what they show.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformer_lens.components import GatedMLP


class BiasedGatedMLP(GatedMLP):  # type: ignore[misc]  # TransformerLens is untyped to mypy
    """GatedMLP with `b_gate` and `b_up`, both of shape [d_mlp]."""

    b_gate: nn.Parameter
    b_up: nn.Parameter

    def forward(self, x: Float[Tensor, "batch pos d_model"]) -> Float[Tensor, "batch pos d_model"]:
        """What the MLP writes."""
        pre = self.hook_pre(x @ self.W_gate + self.b_gate)
        linear = self.hook_pre_linear(x @ self.W_in + self.b_up)
        out: Tensor = self.hook_post(self.act_fn(pre) * linear) @ self.W_out + self.b_out
        return out


def give_mlp_biases(model: Any) -> None:
    """Make room for these biases in every MLP of a HookedTransformer, in place."""
    for block in model.blocks:
        block.mlp.__class__ = BiasedGatedMLP
        for name in ("b_gate", "b_up"):
            setattr(block.mlp, name, nn.Parameter(torch.zeros_like(block.mlp.b_in), requires_grad=False))
