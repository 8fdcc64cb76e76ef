"""One layer's gated attention as a function: scores, gate, noise, weights, and what is counted of them.

It reads nothing but its arguments, so that a gradient may compute it again (activation checkpointing).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interp.models.config import GateKind


@dataclass(frozen=True)
class Settings:
    """What a layer's gate does, as it was in the forward pass: the gradient is computed when the gate has changed its mode."""

    kind: GateKind
    bias: float
    power: float | None
    temperature: float
    scale: float
    noise: int | None


@dataclass(frozen=True)
class Done:
    """What a layer's gate did; counts are over the batch. `weights` only outside of training: kept for a gradient, they would
    take the memory that computing them again saves."""

    expected: Float[Tensor, ""]
    mask: Bool[Tensor, "batch head query key"]
    causal_edges: Float[Tensor, ""]
    queries: int
    weights: Float[Tensor, "batch head query key"] | None


def gated(
    settings: Settings,
    kept: Callable[[Tensor], Tensor],
    query: Float[Tensor, "batch head query d_head"],
    key: Float[Tensor, "batch head key d_head"],
    value: Float[Tensor, "batch head key d_head"],
    attention_mask: Float[Tensor, "batch 1 query key"] | Bool[Tensor, "batch 1 query key"] | None,
    biases: Float[Tensor, " head"] | None,
    first_biases: Float[Tensor, " head"] | None,
) -> tuple[Float[Tensor, "batch head query d_head"], Done]:
    """Heads' outputs (a row without an open edge gives 0) and what the gate did; `kept` is the weights' dropout."""
    # Made here, so that of all layers one mask is kept for the gradient.
    allowed = allowed_edges(query, key, attention_mask)
    logits, log_weights = judged_and_weights(settings, query, key, allowed)
    if biases is not None:
        logits = logits + biases[:, None, None]
    if first_biases is not None:
        logits = logits + first_biases[:, None, None] * first_keys(allowed)
    mask, passed = _open(logits, allowed, settings)
    weights = log_weights.exp() * passed
    out = kept(weights).to(value.dtype) @ value
    copies, keys = len(logits) // len(allowed), allowed.sum(-1, dtype=torch.float32)
    probabilities = torch.sigmoid(logits / settings.temperature).masked_fill(~allowed, 0.0)
    causal = keys.sum() * copies
    if settings.power is None:  # layers have equally many heads and edges, so the mean over them is one number a layer
        expected = probabilities.sum() / (causal * logits.shape[1])
    else:
        expected = (probabilities.sum(-1) * keys.clamp(min=1) ** -settings.power).mean()
    return out, Done(expected, mask, causal, keys.numel() * copies, weights if settings.noise is None else None)


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


def _open(logits: Tensor, allowed: Tensor, settings: Settings) -> tuple[Tensor, Tensor]:
    """(open edges, the factor on the weights); in training the factor is straight-through."""
    if settings.noise is None:
        mask = (logits > 0) & allowed
        return mask, mask.to(logits.dtype)
    generator = torch.Generator(logits.device).manual_seed(settings.noise)
    uniform = torch.rand(logits.shape, generator=generator, device=logits.device, dtype=logits.dtype)
    noisy = logits + settings.temperature * torch.logit(uniform, eps=1e-6)
    mask = (noisy > 0) & allowed
    return mask, straight_through(noisy / settings.temperature, mask)


def straight_through(noisy: Float[Tensor, "*any"], opened: Bool[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Forward 1[open], backward the gradient of sigmoid(noisy), 0 where an edge is not causal."""
    soft = torch.sigmoid(noisy)
    return opened.to(noisy.dtype) + (soft - soft.detach())
