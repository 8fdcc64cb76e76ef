"""The slow, obvious way to run one variant: a whole forward pass with one hook an edit. The engine must equal it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from interp.interventions.cells import Dimensions, cells_of
from interp.interventions.edits import KEY_SIDE, RESIDUAL, Variant
from interp.interventions.runs import HOOKS
from interp.prompts.pairs import PromptSet


def cached(model: Any, tokens: Tensor) -> dict[str, Tensor]:
    """Every activation of a whole forward pass, by TransformerLens' own cache."""
    return dict(model.run_with_cache(tokens)[1].cache_dict)


def naive_logit_diff(model: Any, variant: Variant, prompts: PromptSet, partner: Tensor) -> Tensor:
    """Answer minus foil at the query position, every prompt's edits applied by hooks of its own in a whole forward pass."""
    caches = {run: cached(model, getattr(prompts, run)) for run in ("clean", "corrupted")}
    sizes = Dimensions.of(model.cfg)
    hooks: list[tuple[str, Any]] = []
    for edit in variant.edits:
        for cell in cells_of(edit, prompts, sizes):
            for row in range(len(prompts)):
                hooks += _hooks(edit, cell, row, caches, sizes, partner, row)
    logits = model.run_with_hooks(getattr(prompts, variant.base), fwd_hooks=hooks)[:, prompts.query_index]
    rows = torch.arange(len(prompts))
    return logits[rows, prompts.answer] - logits[rows, prompts.foil]


def _hooks(
    edit: Any, cell: Any, row: int, caches: Any, sizes: Any, partner: Tensor, at: int = 0
) -> list[tuple[str, Any]]:
    # `row` is the prompt's number, `at` its place in the batch that is run.
    def pick(act: Tensor) -> Tensor:  # one prompt's cell
        if edit.site in RESIDUAL:
            return act[cell.query]
        if edit.site == "pattern":
            return act[cell.head, cell.query, cell.key]
        return act[cell.key if edit.site in KEY_SIDE else cell.query, cell.head]

    def edge(cache: dict[str, Tensor], prompt: int) -> Tensor:
        kv = cell.head // (sizes.n_heads // sizes.n_kv_heads)
        weight = cache[HOOKS["pattern"].format(edit.layer)][prompt, cell.head, cell.query, cell.key]
        return weight * cache[HOOKS["v"].format(edit.layer)][prompt, cell.key, kv]

    def new_value() -> Any:
        def of(run: str, prompt: int) -> Tensor:
            if edit.site == "edge":
                return edge(caches[run], prompt)
            return pick(caches[run][HOOKS[edit.site].format(edit.layer)][prompt])

        if edit.source == "zero":
            return 0.0
        if edit.source in ("clean", "corrupted"):
            return of(edit.source, row)
        if edit.source == "resample":
            return of(edit.reference, int(partner[row]))
        return torch.stack([of(edit.reference, p) for p in range(len(partner))]).mean(0)

    value = new_value()
    if edit.site != "edge":

        def write(act: Tensor, hook: Any) -> Tensor:
            act = act.clone()
            if edit.site in RESIDUAL:
                act[at, cell.query] = value
            elif edit.site == "pattern":
                act[at, cell.head, cell.query, cell.key] = value
            else:
                act[at, cell.key if edit.site in KEY_SIDE else cell.query, cell.head] = value
            return act

        return [(HOOKS[edit.site].format(edit.layer), write)]

    seen: dict[str, Tensor] = {}

    def keep(act: Tensor, hook: Any) -> None:
        seen[hook.name.rsplit("_", 1)[-1]] = act

    def write_edge(z: Tensor, hook: Any) -> Tensor:
        kv = cell.head // (sizes.n_heads // sizes.n_kv_heads)
        now = seen["pattern"][at, cell.head, cell.query, cell.key] * seen["v"][at, cell.key, kv]
        z = z.clone()
        z[at, cell.query, cell.head] += value - now
        return z

    layer = edit.layer
    return [
        (HOOKS["pattern"].format(layer), keep),
        (HOOKS["v"].format(layer), keep),
        (HOOKS["z"].format(layer), write_edge),
    ]
