"""The sparse attention of arXiv 2512.05865 on a HookedTransformer, for analysis: exact and without noise.

    A_ij = 1[s_ij + bias > 0],  w_ij = softmax_j(s_i.)_ij A_ij

s is the ordinary attention score with its scale; the softmax runs over all causal positions, rows are not renormalised,
and a row with no open gate gives 0. The gate becomes part of the model: two permanent hooks in every attention layer and
a hook point of its own, `blocks.{l}.attn.hook_gate` with shape [batch, head, query, key] (1 open, 0 shut), which can be
read and edited like any other. `hook_pattern` then holds the gated weights, for every other hook sees it after the gate.

The gate looks at the absolute score, so weights may only be rewritten in ways that keep scores as they are.
"""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor
from transformer_lens.hook_points import HookPoint

HOOK = "hook_gate"


def install_gate(model: Any, bias: float) -> None:
    """Gate every attention layer of a HookedTransformer, in place; `bias` is added to every score before the gate."""
    for block in model.blocks:
        attention = block.attn
        if hasattr(attention, HOOK):
            raise ValueError("this model has a gate already")
        setattr(attention, HOOK, HookPoint())
        layer = attention.sparse_gate = LayerGate(getattr(attention, HOOK), bias)
        attention.hook_attn_scores.add_hook(layer.look, is_permanent=True)
        attention.hook_pattern.add_hook(layer.shut, is_permanent=True)
    model.setup()  # gives the new hook points their names


class LayerGate:
    """The gate of one layer: looks at the scores, and shuts weights once they have gone through the softmax."""

    def __init__(self, point: HookPoint, bias: float) -> None:
        self._point = point
        self.bias = bias
        self._open: Tensor | None = None

    def look(self, scores: Float[Tensor, "batch head query key"], hook: Any) -> None:
        # Positions that are not causal have score -inf; with a bias of +inf they stay shut, because NaN is not above 0.
        self._open = self._point((scores + self.bias > 0).to(scores.dtype))

    def shut(self, pattern: Float[Tensor, "batch head query key"], hook: Any) -> Float[Tensor, "batch head query key"]:
        opened, self._open = self._open, None
        if opened is None:
            raise RuntimeError("the attention pattern was computed without its scores, so its gate is unknown")
        return pattern * opened
