"""Where each head's threshold begins: where shutting edges costs the dense model least, by the Fisher information.

With weights w_ij and values v_j of a head, and G_i the gradient at its output z_i of the log-probability of tokens that the
model itself draws, shutting the edges S of a query changes that log-probability by e = sum_{j in S} w_ij v_j . G_i in first
order, and the loss (KL to the dense model) by e**2 / 2 on average: the Fisher information's quadratic form, its diagonal in
heads and queries. Each head takes the two biases, out of a grid, that minimise

    sum over queries of e**2 / 2, a token  +  price * the head's part of the density term

One backward pass over a few rows is all it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interp.models.gated_attention import Gate, Watched
from interp.models.gating import first_keys
from interp.sparsify.config import Calibration
from interp.sparsify.pieces import Rows

TOGETHER = 4
# Shares of a head's edges that its threshold may leave open (0 is tried too), and biases for the first key.
SHARES = (*(0.004 * 1.4**step for step in range(16)), 1.0)
FIRST = (0.0, -1.5, -3.0, -6.0)


@dataclass(frozen=True)
class Edges:
    """Edges of a layer: what the gate judges, and the effect on the log-probability of shutting each, in first order."""

    judged: Float[Tensor, "row head query key"]
    effect: Float[Tensor, "row head query key"]
    allowed: Bool[Tensor, "row 1 query key"]


Biases = tuple[Float[Tensor, "layer head"], Float[Tensor, "layer head"]]


def calibrated(hf_model: Any, gate: Gate, first: bool, rows: Rows, wanted: Calibration, seed: int) -> Biases:
    """Biases of the heads, and those for their first key (zeros without `first`), to begin training with.

    The model's layers go through `gate`, and its weights are the dense ones.
    """
    noise = torch.Generator(hf_model.device).manual_seed(seed)
    chosen = range(min(wanted.rows, len(rows)))
    parts = [_edges(hf_model, gate, rows, list(chosen[at : at + TOGETHER]), noise) for at in chosen[::TOGETHER]]
    made = []
    for layer in sorted(parts[0]):
        mine = [part[layer] for part in parts]
        edges = Edges(*(torch.cat([getattr(part, name) for part in mine]) for name in ("judged", "effect", "allowed")))
        made.append(_cheapest(edges, 0.0 if gate.power is None else gate.power, wanted.price / len(parts[0]), first))
    return torch.stack([biases for biases, _ in made]), torch.stack([biases for _, biases in made])


def _edges(hf_model: Any, gate: Gate, rows: Rows, chosen: list[int], noise: torch.Generator) -> dict[int, Edges]:
    with torch.enable_grad(), gate.watching() as watched:
        log_probs = hf_model(**rows.inputs(chosen, hf_model.device)).logits.float().log_softmax(-1)
        shares = log_probs.detach().exp()
        drawn = torch.multinomial(shares.flatten(0, 1), 1, generator=noise).view(*shares.shape[:2], 1)
        log_probs.gather(-1, drawn).sum().backward()
        seen = dict(watched)
    hf_model.zero_grad(set_to_none=True)
    return {layer: _effects(attention) for layer, attention in seen.items()}


def _effects(watched: Watched) -> Edges:
    gradient = watched.out.grad
    assert gradient is not None
    return Edges(
        watched.judged, watched.weights * (gradient @ watched.value.transpose(-1, -2)).float(), watched.allowed
    )


def _cheapest(
    edges: Edges, power: float, price: float, first: bool
) -> tuple[Float[Tensor, " head"], Float[Tensor, " head"]]:
    n_heads = edges.judged.shape[1]
    keys = edges.allowed.sum(-1)
    part = keys.clamp(min=1) ** -power * price / n_heads
    at_first = first_keys(edges.allowed)
    judged = edges.judged.masked_fill(~edges.allowed, -torch.inf)
    ranked = judged.transpose(0, 1).flatten(1).sort(descending=True).values
    n_edges = int(keys.sum())
    # A threshold that lets a share through lies just under the last edge that it lets through.
    places = [max(0, min(n_edges, round(share * n_edges)) - 1) for share in SHARES]
    tried = torch.cat([-ranked[:, :1] - 1.0, -ranked[:, places] + 1e-4], dim=1)
    best = torch.full((n_heads,), torch.inf, device=judged.device)
    chosen, chosen_first = torch.zeros_like(best), torch.zeros_like(best)
    for biases in tried.T:
        for extra in FIRST if first else FIRST[:1]:
            opened = (judged + biases[:, None, None] + extra * at_first) > 0
            effect = (edges.effect * ~opened).sum(-1)
            cost = effect.square() / 2 + opened.sum(-1) * part
            total = cost.sum((0, 2)) / keys.numel()
            better = total < best
            best = torch.where(better, total, best)
            chosen, chosen_first = torch.where(better, biases, chosen), chosen_first.masked_fill(better, extra)
    return chosen, chosen_first
