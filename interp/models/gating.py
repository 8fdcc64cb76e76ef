"""One layer's gated attention as a function: scores, gate, weights, and what is counted of them.

In training it has noise, and a gradient of its own: interp.models.gating_in_training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interp.models.config import GateKind


@dataclass(frozen=True)
class Settings:
    """What a layer's gate does in a forward pass: its gradient is computed when the gate has changed its mode.

    `noise` is the seed of its noise, in training.
    """

    kind: GateKind
    bias: float
    power: float | None
    temperature: float
    scale: float
    noise: int | None


@dataclass(frozen=True)
class Edges:
    """What a forward pass' attention mask says, once for all layers that have it.

    Sequences of a batch have one mask each (`any` is their number), or one for all of them (1). `keys` counts what a query may
    see, `first` is the first of it.
    """

    allowed: Bool[Tensor, "any 1 query key"]
    first: Bool[Tensor, "any 1 query key"]
    keys: Float[Tensor, "any 1 query"]

    @classmethod
    def of(cls, query: Tensor, key: Tensor, attention_mask: Tensor | None) -> Edges:
        """Those that the mask leaves."""
        allowed = allowed_edges(query, key, attention_mask)
        return cls(allowed, first_keys(allowed), allowed.sum(-1, dtype=torch.float32))

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """The first key that a query may see in any sequence, and the one after the last; read from a GPU once a pass."""
        seen = self.allowed.any(0)[0].int()
        first, after = seen.argmax(-1), seen.shape[-1] - seen.flip(-1).argmax(-1)
        return list(zip(first.tolist(), torch.where(seen.any(-1), after, first + 1).tolist(), strict=True))

    def causal(self, sequences: int) -> Float[Tensor, ""]:
        """Edges of a head, in all sequences."""
        return self.keys.sum() * (sequences // len(self.keys))

    def queries(self, sequences: int) -> int:
        """Queries of a head, in all sequences."""
        return self.keys.numel() * (sequences // len(self.keys))

    def cost(self, settings: Settings, sequences: int, heads: int) -> Float[Tensor, "any 1 query 1"]:
        """What an open edge of each query adds to a layer's density term."""
        # Layers have equally many heads and edges, so the mean over them is one number a layer.
        if settings.power is None:
            each = (1 / self.causal(sequences)).expand_as(self.keys)
        else:
            each = self.keys.clamp(min=1) ** -settings.power / self.queries(sequences)
        return (each / heads)[..., None]


@dataclass(frozen=True)
class Done:
    """What a layer's gate did; counts are over the batch.

    In training `weights` are never whole, and `mask` is where it was asked for.
    """

    expected: Float[Tensor, ""]
    open_edges: Float[Tensor, " head"]
    mask: Bool[Tensor, "batch head query key"] | None
    causal_edges: Float[Tensor, ""]
    queries: int
    weights: Float[Tensor, "batch head query key"] | None


def gated(
    settings: Settings,
    query: Float[Tensor, "batch head query d_head"],
    key: Float[Tensor, "batch head key d_head"],
    value: Float[Tensor, "batch head key d_head"],
    edges: Edges,
    biases: Float[Tensor, " head"] | None,
    first_biases: Float[Tensor, " head"] | None,
) -> tuple[Float[Tensor, "batch head query d_head"], Done]:
    """Heads' outputs without noise (a row without an open edge gives 0) and what the gate did."""
    logits, log_weights = judged_and_weights(settings, query, key, edges.allowed)
    if biases is not None:
        logits = logits + biases[:, None, None]
    if first_biases is not None:
        logits = logits + first_biases[:, None, None] * edges.first
    mask = (logits > 0) & edges.allowed
    weights = log_weights.exp() * mask
    probabilities = torch.sigmoid(logits / settings.temperature).masked_fill(~edges.allowed, 0.0)
    expected = (probabilities * edges.cost(settings, *query.shape[:2])).sum()
    opened = mask.sum(dim=(0, 2, 3), dtype=torch.float32)
    return weights.to(value.dtype) @ value, Done(
        expected, opened, mask, edges.causal(len(query)), edges.queries(len(query)), weights
    )


def _scores(query: Tensor, key: Tensor, scale: float, allowed: Tensor) -> Float[Tensor, "batch head query key"]:
    scores = (query @ key.transpose(-1, -2)).float() * scale
    return scores.masked_fill(~allowed, torch.finfo(torch.float32).min)


def judged_and_weights(
    settings: Settings, query: Tensor, key: Tensor, allowed: Tensor
) -> tuple[Float[Tensor, "batch head query key"], Float[Tensor, "batch head query key"]]:
    """What the gate judges, with the bias of all heads, and the logarithm of the softmax weights."""
    scores = _scores(query, key, settings.scale, allowed)
    log_weights = scores.log_softmax(-1)
    return (scores if settings.kind == "score" else log_weights) + settings.bias, log_weights


def allowed_edges(query: Tensor, key: Tensor, attention_mask: Tensor | None) -> Bool[Tensor, "batch 1 query key"]:
    """Edges that the mask leaves, the causal ones without a mask."""
    n_query, n_key = query.shape[-2], key.shape[-2]
    if attention_mask is not None:
        mask = attention_mask[..., :n_key]
        return mask if mask.dtype == torch.bool else mask >= 0
    causal = torch.ones(n_query, n_key, dtype=torch.bool, device=query.device).tril(n_key - n_query)
    return causal[None, None]


def first_keys(allowed: Bool[Tensor, "*any query key"]) -> Bool[Tensor, "*any query key"]:
    """The first key that each query may see: of its own piece, where a row of text is cut into several."""
    return allowed & (allowed.cumsum(-1) == 1)
