"""One layer's gated attention in training: noise, straight-through gates, expected density, and their gradient by hand.

With w = softmax(s), gate logits g (`weight`: log w, `score`: s, plus biases), uniform u, odds o = u exp(g / T) / (1 - u):

    open  A = 1[o > 1]              noisy gate   n = o / (1 + o) = sigmoid(g / T + logit u)
    out     = (w A) v               density      D = sum c p, p = sigmoid(g / T), c: what an open edge of a query costs

Backward the gate passes the gradient of n (straight-through), so with P = (d out) v', x = w (A + n (1 - n) / T) and
e = c p (1 - p) / T

    y = P x + (d D) e         d s = y - w sum_k y  (weight)    y - w sum_d (d out) out  (score)

and a gate bias gets the sum of y - P w A. It is computed a block of queries at a time: matrices of a query times a key fill a
block and no more, keys before and behind those that a block may see are left out, and what its gradient needs is computed
again from the same noise unless it may be kept. Autograd on the same formulas is its test (tests/models/test_gating.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from interp.models.gating import Done, Edges, Settings
from interp.models.room import room

BLOCK_ON_CPU, BLOCK_PART_OF_GPU = 2_000_000, 0.004
"""Bytes, and share of a GPU, of a matrix of a block's queries times its keys: what stays in a CPU's cache."""
MOST = 50.0
LEAST = 2.0**-25
"""Gate logits over the temperature are cut at MOST, uniform numbers at LEAST, below the smallest step of their generator but
0: so a gate beyond is open or shut whatever the noise, and has no slope."""


Kept = tuple[Tensor, Tensor, Tensor, Tensor]
"""w, A, x and e of a block."""


@dataclass(frozen=True)
class Layer:
    """What one layer's attention is computed from; `cost` is c."""

    settings: Settings
    query: Float[Tensor, "batch head query d_head"]
    key: Float[Tensor, "batch head key d_head"]
    value: Float[Tensor, "batch head key d_value"]
    edges: Edges
    cost: Float[Tensor, "any 1 query 1"]
    biases: Float[Tensor, " head"] | None
    first_biases: Float[Tensor, " head"] | None

    def blocks(self) -> Iterator[tuple[slice, slice]]:
        """Some queries, and the keys that they may see."""
        spans, n_key = self.edges.spans, self.key.shape[-2]
        row = self.query.shape[:-2].numel() * n_key * torch.float32.itemsize
        size = max(1, room(self.query.device, BLOCK_ON_CPU, BLOCK_PART_OF_GPU) // row)
        for start in range(0, len(spans), size):
            firsts, afters = zip(*spans[start : start + size], strict=True)
            yield slice(start, start + len(firsts)), slice(min(firsts), max(afters))

    def noise(self) -> torch.Generator:
        """The same for the gradient as before it."""
        assert self.settings.noise is not None
        return torch.Generator(self.query.device).manual_seed(self.settings.noise)

    def block(self, some: slice, seen: slice, noise: torch.Generator) -> tuple[Kept, Tensor]:
        """What the gradient needs, and the block's part of the density term. Matrices are written over where they can be."""
        settings, hidden = self.settings, ~self.edges.allowed[..., some, seen]
        scores = (self.query[..., some, :] @ self.key[..., seen, :].transpose(-1, -2)).float().mul_(settings.scale)
        weights = scores.masked_fill_(hidden, torch.finfo(torch.float32).min).log_softmax(-1)
        logits = scores if settings.kind == "score" else scores.copy_(weights)
        weights.exp_()
        if self.biases is not None:
            logits += (self.biases + settings.bias)[:, None, None]
        else:
            logits += settings.bias
        if self.first_biases is not None:
            logits += self.first_biases[:, None, None] * self.edges.first[..., some, seen]
        sure = logits.div_(settings.temperature).clamp_(-MOST, MOST).masked_fill_(hidden, -torch.inf).exp_()
        uniform = torch.empty_like(sure).uniform_(generator=noise).clamp_(min=LEAST)
        odds = uniform * sure
        uniform.neg_().add_(1.0)
        opened = odds > uniform
        noisy = odds.div_(uniform.add_(odds))
        slope = torch.addcmul(noisy, noisy, noisy, value=-1.0).div_(settings.temperature).add_(opened).mul_(weights)
        probable = sure.div_(uniform.copy_(sure).add_(1.0))
        cost = self.cost[..., some, :]
        density = (probable.sum(-1, keepdim=True) * cost).sum()
        of_density = probable.addcmul_(probable, probable, value=-1.0).mul_(cost / settings.temperature)
        return (weights, opened, slope, of_density), density


class _Trained(torch.autograd.Function):
    """Output, density term and open edges of a layer: by head, and where they are if that is asked for."""

    @staticmethod
    def forward(
        ctx: Any, layer: Layer, keep: bool, keep_mask: bool, *inputs: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        query, key, value = layer.query, layer.key, layer.value
        out = query.new_empty(*query.shape[:-1], value.shape[-1], dtype=value.dtype)
        density, opened = query.new_zeros((), dtype=torch.float32), query.new_zeros(query.shape[1], dtype=torch.float32)
        mask = query.new_zeros(*query.shape[:-1], key.shape[-2], dtype=torch.bool) if keep_mask else None
        noise, kept = layer.noise(), list[Tensor]()
        with torch.autocast(query.device.type, enabled=False):
            for some, seen in layer.blocks():
                found, expected = layer.block(some, seen, noise)
                out[..., some, :] = (found[0] * found[1]).to(value.dtype) @ value[..., seen, :]
                density += expected
                opened += found[1].sum(dim=(0, 2, 3))
                if mask is not None:
                    mask[..., some, seen] = found[1]
                if keep:
                    kept += found
        ctx.settings, ctx.edges, ctx.n_kept = layer.settings, layer.edges, len(kept)
        ctx.save_for_backward(out, layer.cost, *inputs, *kept)
        ctx.mark_non_differentiable(opened, *(() if mask is None else (mask,)))
        return out, density, opened, mask

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_out: Tensor, of_density: Tensor, *_: Tensor | None) -> tuple[Tensor | None, ...]:
        out, cost, q, k, v, bias, first_bias, *kept = ctx.saved_tensors
        layer = Layer(ctx.settings, q, k, v, ctx.edges, cost, bias, first_bias)
        # Sums over blocks are taken in float32, whatever the model runs in.
        query, key, value = (torch.zeros_like(one, dtype=torch.float32) for one in (q, k, v))
        biases, first_biases = (None if one is None else torch.zeros_like(one) for one in (bias, first_bias))
        along = (of_out.float() * out.float()).sum(-1, keepdim=True)
        noise = None if kept else layer.noise()
        with torch.autocast(out.device.type, enabled=False):
            for number, (some, seen) in enumerate(layer.blocks()):
                block = kept[4 * number : 4 * number + 4] if noise is None else layer.block(some, seen, noise)[0]
                weights, opened, slope, e = block
                above_here = of_out[..., some, :]
                passed = (above_here @ layer.value[..., seen, :].transpose(-1, -2)).float()
                y = slope.mul(passed).addcmul_(e, of_density)
                value[..., seen, :] += (weights * opened).to(of_out.dtype).transpose(-1, -2) @ above_here
                if biases is not None or first_biases is not None:
                    of_gate = passed.mul_(weights).mul_(opened).neg_().add_(y)
                    if biases is not None:
                        biases += of_gate.sum((0, 2, 3))
                    if first_biases is not None:
                        first_biases += of_gate.mul_(layer.edges.first[..., some, seen]).sum((0, 2, 3))
                minus = y.sum(-1, keepdim=True) if layer.settings.kind == "weight" else along[..., some, :]
                of_scores = y.addcmul_(weights, minus, value=-1.0).mul_(layer.settings.scale)
                query[..., some, :] = of_scores.to(layer.key.dtype) @ layer.key[..., seen, :]
                key[..., seen, :] += of_scores.to(layer.query.dtype).transpose(-1, -2) @ layer.query[..., some, :]
        return None, None, None, query.to(q.dtype), key.to(k.dtype), value.to(v.dtype), biases, first_biases


def gated_in_training(
    settings: Settings,
    query: Float[Tensor, "batch head query d_head"],
    key: Float[Tensor, "batch head key d_head"],
    value: Float[Tensor, "batch head key d_value"],
    edges: Edges,
    biases: Float[Tensor, " head"] | None,
    first_biases: Float[Tensor, " head"] | None,
    keep: bool,
    keep_mask: bool = False,
) -> tuple[Float[Tensor, "batch head query d_value"], Done]:
    """Heads' outputs (a row without an open edge gives 0) and what the gate did.

    `keep`: what the gradient needs is kept, and not computed again. `keep_mask`: which edges were open is told, too.
    """
    cost = edges.cost(settings, *query.shape[:2])
    learnt = tuple(None if one is None else one.detach() for one in (biases, first_biases))
    layer = Layer(settings, query.detach(), key.detach(), value.detach(), edges, cost, *learnt)
    inputs = query, key, value, biases, first_biases
    out, density, opened, mask = _Trained.apply(layer, keep, keep_mask, *inputs)  # type: ignore[no-untyped-call]
    return out, Done(density, opened, mask, edges.causal(len(query)), edges.queries(len(query)), None)
