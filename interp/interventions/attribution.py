"""Attribution: a first-order estimate of every variant's effect from one backward pass.

For an edit that replaces an activation a by b, the metric changes by about (b - a) . dm/da, with the gradient taken on
the base run (attribution patching: Nanda 2023; Syed, Rager & Conmy, arXiv 2310.10348). A variant's estimate is the sum
over its edits. Variants, and so the rows of the table, are those of the exact probes: the two can be compared cell by
cell. An edge's gradient is that of z at its query, since the edge's term is one summand of z.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from interp.interventions.cells import Bundle, bundle, read, replacement
from interp.interventions.edits import KEY_SIDE, RESIDUAL, Run, Variant
from interp.interventions.engine import Engine
from interp.interventions.hooked import run_blocks
from interp.interventions.live import LiveCells
from interp.interventions.runs import HOOKS
from interp.metrics import Metric
from interp.models.bridge import HookedBridge
from interp.prompts.pairs import PromptSet


def estimate(
    engine: Engine, variants: Sequence[Variant], prompts: PromptSet, metric: Metric, rows: Sequence[int] | None = None
) -> Float[Tensor, "variant prompt"]:
    """Estimated metric (base run's value plus the first-order change) of every variant on every prompt."""
    index = engine.rows(prompts, rows)
    result = torch.empty(len(variants), len(index))
    for base in sorted({variant.base for variant in variants}):
        numbers = [number for number, variant in enumerate(variants) if variant.base == base]
        result[numbers] = _of_base(engine, [variants[i] for i in numbers], prompts, metric, base, rows)
    return result


def _of_base(
    engine: Engine,
    variants: Sequence[Variant],
    prompts: PromptSet,
    metric: Metric,
    base: Run,
    rows: Sequence[int] | None,
) -> Float[Tensor, "variant prompt"]:
    index = engine.rows(prompts, rows)
    runs = engine.runs(prompts)
    live = LiveCells(prompts, engine.sizes)
    bundles = bundle([live.cells(variant) for variant in variants], index.device)
    names = sorted({_hook(cells) for cells in bundles})
    gradients = _gradients(engine, prompts, metric, base, index, names)
    change = torch.zeros(len(variants), len(index), device=index.device)
    resampled = engine.resampled(prompts)
    with torch.no_grad():
        for cells in bundles:
            now = read(cells, runs[base], engine.sizes, index)
            difference = replacement(cells, runs, engine.sizes, index, resampled) - now
            slope = _at(cells, gradients[_hook(cells)])
            product = difference * slope
            change.index_add_(0, cells.variant, product if cells.site == "pattern" else product.sum(-1))
    return engine.read(prompts, metric, base, rows) + change.cpu()


def _hook(cells: Bundle) -> str:
    return HOOKS["z" if cells.site == "edge" else cells.site].format(cells.layer)


def _at(cells: Bundle, gradient: Tensor) -> Float[Tensor, "cell row *d"]:
    if cells.site == "pattern":
        slopes = gradient[:, cells.head, cells.query, cells.key]
    elif cells.site in RESIDUAL:
        slopes = gradient[:, cells.query]
    else:
        slopes = gradient[:, cells.key if cells.site in KEY_SIDE else cells.query, cells.head]
    return slopes.transpose(0, 1)


def _gradients(
    engine: Engine, prompts: PromptSet, metric: Metric, base: Run, index: Tensor, names: Sequence[str]
) -> dict[str, Tensor]:
    """Gradient of the metric at each hook, one forward and one backward pass; prompts do not interact, so summing the
    metric over them gives every prompt its own gradient."""
    kept: dict[str, Tensor] = {}

    def keep(act: Tensor, hook: Any) -> None:
        kept[hook.name] = act

    model = engine.model
    if isinstance(model, HookedBridge) and any(name.endswith("hook_pattern") for name in names):
        model.must_write_patterns()
    # Parameters are frozen, so the residual stream must be the leaf that asks for gradients.
    start = engine.runs(prompts)[base].site("resid_pre", 0)[index].to(model.cfg.dtype, copy=True).requires_grad_()
    with torch.enable_grad(), model.hooks(fwd_hooks=[(lambda name: name in names, keep)]):
        final = run_blocks(model, start, 0, dict.fromkeys(range(engine.sizes.n_layers)))
        total = metric(engine.readout(prompts, final[:, prompts.query_index], index)).sum()
        slopes = torch.autograd.grad(total, [kept[name] for name in names], allow_unused=True)
    return {
        name: torch.zeros_like(kept[name]) if slope is None else slope
        for name, slope in zip(names, slopes, strict=True)
    }
