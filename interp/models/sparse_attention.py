"""Sparse attention on a HookedTransformer, for analysis: exact and without noise (arXiv 2512.05865).

    A_ij = 1[g_ij > 0],  w_ij = softmax_j(s_i.)_ij A_ij,    g_ij = s_ij + bias_h          (kind `score`)
                                                            g_ij = log softmax_j(s_i.)_ij + bias_h    (kind `weight`)

s is the ordinary attention score with its scale; the softmax runs over all causal positions, rows are not renormalised,
and a row with no open gate gives 0. An edge to the first key may have another bias on top. The gate becomes part of the
model: two permanent hooks in every attention layer and a hook point of its own, `blocks.{l}.attn.hook_gate` with shape
[batch, head, query, key] (1 open, 0 shut), which can be read and edited like any other. `hook_pattern` then holds the
gated weights, for every other hook sees it after the gate.

A gate is a jump: a logit that rounding moves across 0 changes the model. Logits are therefore products of queries and
keys in float64, here and in the engine; `gate_facts` counts those that are so near 0 that it may not be enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.configs.lazy import lazy
from interp.configs.literals import check_literal
from interp.models.config import GateKind

if TYPE_CHECKING:
    from transformer_lens import hook_points
else:
    hook_points = lazy("transformer_lens.hook_points")

HOOK = "hook_gate"
NEAR = 1e-6


@dataclass(frozen=True)
class GateRule:
    """When an edge of a layer is open: its logit, in the precision of the scores, is above 0.

    `first` comes on top of `bias` for edges to the first key.
    """

    kind: GateKind
    bias: Float[Tensor, " head"]
    first: Float[Tensor, " head"]

    def __post_init__(self) -> None:
        check_literal(self.kind, GateKind, "kind of gate")

    def logits(self, scores: Float[Tensor, "*any head query key"]) -> Float[Tensor, "*any head query key"]:
        """Logits of the gates from attention scores (-inf where an edge is not causal, which stays shut)."""
        made = scores if self.kind == "score" else scores.log_softmax(-1)
        bias, first = (learnt.to(device=scores.device, dtype=scores.dtype) for learnt in (self.bias, self.first))
        made = made + bias[:, None, None]
        made[..., 0] += first[:, None]
        return made


def install_gate(
    model: Any,
    bias: float,
    kind: GateKind = "score",
    head_bias: Float[Tensor, "layer head"] | None = None,
    first_bias: Float[Tensor, "layer head"] | None = None,
) -> None:
    """Gate every attention layer of a HookedTransformer, in place.

    `head_bias` comes on top of the bias of all heads, and `first_bias` on top of both for edges to the first key.
    """
    zeros = torch.zeros(model.cfg.n_layers, model.cfg.n_heads)
    head_bias, first_bias = (zeros if learnt is None else learnt for learnt in (head_bias, first_bias))
    for block, mine, first in zip(model.blocks, head_bias, first_bias, strict=True):
        attention = block.attn
        if hasattr(attention, HOOK):
            raise ValueError("this model has a gate already")
        setattr(attention, HOOK, hook_points.HookPoint())
        layer = attention.sparse_gate = LayerGate(attention, GateRule(kind, mine.double() + bias, first.double()))
        attention.calculate_attention_scores = layer.score
        attention.hook_attn_scores.add_hook(layer.look, is_permanent=True)
        attention.hook_pattern.add_hook(layer.shut, is_permanent=True)
    model.setup()  # gives the new hook points their names


class LayerGate:
    """The gate of one layer: looks at the scores, and shuts weights once they have gone through the softmax."""

    def __init__(self, attention: Any, rule: GateRule) -> None:
        self._point = getattr(attention, HOOK)
        self._calculate = attention.calculate_attention_scores
        self.rule = rule
        self._correction: Tensor | None = None
        self._open: Tensor | None = None
        self.keep = False
        self.kept: Tensor | None = None

    def score(self, q: Tensor, k: Tensor) -> Float[Tensor, "batch head query key"]:
        """TransformerLens' scores; what float64 would make of them is kept for the gate."""
        plain = self._calculate(q, k)
        with torch.no_grad():
            self._correction = self._calculate(q.double(), k.double()) - plain.double()
        return plain

    def look(self, scores: Float[Tensor, "batch head query key"], hook: Any) -> None:
        # Whatever was added to the scores since (a mask, a position bias) is in `scores`.
        if self._correction is None:
            raise RuntimeError("the attention scores were made without the gate")
        exact, self._correction = scores.detach().double() + self._correction, None
        logits = self.rule.logits(exact)
        if self.keep:
            self.kept = logits.masked_fill(~torch.isfinite(exact), torch.nan)
        # Positions that are not causal have score -inf; with a bias of +inf they stay shut, because NaN is not above 0.
        self._open = self._point((logits > 0).to(scores.dtype))

    def shut(self, pattern: Float[Tensor, "batch head query key"], hook: Any) -> Float[Tensor, "batch head query key"]:
        opened, self._open = self._open, None
        if opened is None:
            raise RuntimeError("the attention pattern was computed without its scores, so its gate is unknown")
        return pattern * opened


def gate_hooks(model: Any, name: str) -> int:
    """How many hooks a model's own gate has on the module of a name: one on scores and on weights of a gated layer."""
    if not name.endswith((".attn.hook_attn_scores", ".attn.hook_pattern")):
        return 0
    return int(getattr(model.blocks[int(name.split(".")[1])].attn, "sparse_gate", None) is not None)


@torch.no_grad()
def gate_facts(model: Any, tokens: Int[Tensor, "prompt pos"]) -> dict[str, int]:
    """Gates of a gated model on some prompts: causal edges, open ones, heads' queries, and how many logits are near 0."""
    gates = [block.attn.sparse_gate for block in model.blocks]
    edges = opened = near = 0
    for gate in gates:
        gate.keep = True
    try:
        for part in torch.split(tokens, 16):
            model(part.to(model.cfg.device), return_type=None)
            for gate in gates:
                edges += int((~gate.kept.isnan()).sum())
                opened += int((gate.kept > 0).sum())
                near += int((gate.kept.abs() < NEAR).sum())
    finally:
        for gate in gates:
            gate.keep, gate.kept = False, None
    queries = tokens.numel() * model.cfg.n_layers * model.cfg.n_heads
    return {"edges": edges, "open": opened, "queries": queries, "within_1e-6_of_0": near}
