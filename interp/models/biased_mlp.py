"""A gated MLP whose three matrices each have a bias (Llama with `mlp_bias`), which TransformerLens' GatedMLP has not.

    out = (act(x W_gate + b_gate) * (x W_in + b_up)) W_out + b_out

Its `b_in` is added after the product and stays 0. Hook points are GatedMLP's own, with the biases in what they show.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def add_mlp_biases(model: Any, theirs: Sequence[Any]) -> None:
    """Give every MLP of a HookedTransformer, in place, the biases of the Hugging Face MLPs (gate_proj, up_proj, down_proj)."""
    for block, mlp in zip(model.blocks, theirs, strict=True):
        block.mlp.__class__ = BiasedGatedMLP
        for name, part in (("b_gate", mlp.gate_proj), ("b_up", mlp.up_proj), ("b_out", mlp.down_proj)):
            setattr(block.mlp, name, nn.Parameter(part.bias.detach().to(block.mlp.W_in.dtype), requires_grad=False))
