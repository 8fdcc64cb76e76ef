"""Gradients in a reduced model: what replacing each edge would do, once some edges already have their corrupted value.

A head's z at a query is the sum over keys of its edges' terms w_qk v_k. In the reduced model the terms of the edges that
were removed are those of the corrupted run, the others are computed anew:

    z_q = sum_{k kept} w_qk v_k + sum_{k removed} (w_qk v_k of the corrupted run)

The first-order effect of also replacing edge (q, k) is (corrupted term - own term) . dm/dz_q. With several steps the
gradient is the mean over runs whose input embeddings lie between the corrupted and the clean ones (integrated gradients:
Sundararajan, Taly & Yan 2017; for edges: Hanna, Pezzelle & Belinkov, arXiv 2403.17806). One backward pass a step gives
all edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interp.interventions.engine import Engine
from interp.interventions.hooked import run_blocks
from interp.metrics import Metric
from interp.models.bridge import HookedBridge
from interp.prompts.pairs import PromptSet

PATTERN, VALUE, Z = ("blocks.{}.attn." + name for name in ("hook_pattern", "hook_v", "hook_z"))


def edge_effects(
    engine: Engine,
    prompts: PromptSet,
    metric: Metric,
    rows: Sequence[int],
    kept: Bool[Tensor, "layer head query key"],
    steps: int = 1,
) -> Float[Tensor, "row layer head query key"]:
    """Estimated change of the metric, by prompt, when one more edge gets its corrupted value; 0 for those that have it.

    Args:
        kept: which edges (tensor positions) still have their own value.
        steps: input points between the corrupted run and the clean one; 1 is the clean run itself.
    """
    index = engine.rows(prompts, rows)
    runs = engine.runs(prompts)
    clean, corrupted = (runs[run].site("resid_pre", 0)[index] for run in ("clean", "corrupted"))
    kept = kept.to(clean.device)
    layers = range(engine.sizes.n_layers)
    theirs = [
        (runs["corrupted"].site("pattern", layer)[index], _values(engine, runs["corrupted"].past(layer)[1][index]))
        for layer in layers
    ]
    constant = [_terms_sum(pattern * ~kept[layer], value) for layer, (pattern, value) in enumerate(theirs)]
    points = [1.0] if steps == 1 else [(step + 0.5) / steps for step in range(steps)]
    slopes = [torch.zeros_like(term) for term in constant]
    own: list[tuple[Tensor, Tensor]] = []
    for point in points:
        own, gradients = _run(engine, prompts, metric, corrupted + point * (clean - corrupted), index, kept, constant)
        slopes = [total + slope / len(points) for total, slope in zip(slopes, gradients, strict=True)]
    if steps > 1:
        own = _run(engine, prompts, metric, clean, index, kept, constant)[0]
    effects = torch.zeros(len(rows), *kept.shape)
    with torch.no_grad():
        for layer in layers:
            # (A v)_qk . g_q = A_qk (v_k . g_q): no term is ever held by itself.
            change = [
                pattern * torch.einsum("bkhd,bqhd->bhqk", value, slopes[layer])
                for pattern, value in (theirs[layer], own[layer])
            ]
            effects[:, layer] = ((change[0] - change[1]) * kept[layer]).cpu()
    return effects


def _run(
    engine: Engine,
    prompts: PromptSet,
    metric: Metric,
    start: Tensor,
    index: Tensor,
    kept: Tensor,
    constant: Sequence[Tensor],
) -> tuple[list[tuple[Tensor, Tensor]], list[Tensor]]:
    """Every layer's pattern and values in the reduced model, and the metric's gradient at z."""
    seen: dict[str, Tensor] = {}

    def keep(act: Tensor, hook: Any) -> None:
        seen[hook.name] = act

    def reduce(z: Tensor, hook: Any) -> Tensor:
        layer = int(hook.name.split(".")[1])
        value = _values(engine, seen[VALUE.format(layer)])
        mixed = _terms_sum(seen[PATTERN.format(layer)] * kept[layer], value) + constant[layer]
        seen[hook.name] = mixed
        return mixed

    layers = range(engine.sizes.n_layers)
    hooks: list[Any] = [(name.format(layer), keep) for layer in layers for name in (PATTERN, VALUE)]
    hooks += [(Z.format(layer), reduce) for layer in layers]
    model = engine.model
    if isinstance(model, HookedBridge):
        model.must_write_patterns()
    leaf = start.detach().clone().requires_grad_()
    with torch.enable_grad(), model.hooks(fwd_hooks=hooks):
        final = run_blocks(model, leaf, 0, dict.fromkeys(layers))
        total = metric(engine.readout(prompts, final[:, prompts.query_index], index)).sum()
        mixed = [seen[Z.format(layer)] for layer in layers]
        slopes = torch.autograd.grad(total, mixed, allow_unused=True)
    own = [
        (seen[PATTERN.format(layer)].detach(), _values(engine, seen[VALUE.format(layer)]).detach()) for layer in layers
    ]
    return own, [torch.zeros_like(z) if slope is None else slope for z, slope in zip(mixed, slopes, strict=True)]


def _values(engine: Engine, value: Float[Tensor, "row pos kv_head d"]) -> Float[Tensor, "row pos head d"]:
    """Values by query head: grouped queries share them."""
    return value.repeat_interleave(engine.sizes.n_heads // engine.sizes.n_kv_heads, dim=2)


def _terms_sum(
    pattern: Float[Tensor, "row head query key"], value: Float[Tensor, "row key head d"]
) -> Float[Tensor, "row query head d"]:
    return torch.einsum("bhqk,bkhd->bqhd", pattern, value)
