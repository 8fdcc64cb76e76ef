"""Variants as whole forward passes of a model that cannot begin in the middle and keeps no cache (TransformerLens 4).

The same hooks as in interp.interventions.hooked, but every variant begins at the tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor

from interp.interventions.apply import ChunkHooks
from interp.interventions.cells import Dimensions, bundle, replacement
from interp.interventions.edits import Run
from interp.interventions.hooked import Recorded
from interp.interventions.plan import Planned
from interp.interventions.runs import HOOKS, Runs
from interp.models.bridge import HookedBridge


class WholeRun(Recorded):
    """One unedited run of a prompt batch; see interp.interventions.runs.BaseRun."""

    def __init__(self, model: HookedBridge, tokens: Int[Tensor, "prompt pos"]) -> None:
        super().__init__()
        self.tokens = tokens.to(model.cfg.device)
        names = {hook.format(layer) for hook in HOOKS.values() for layer in range(model.cfg.n_layers)}
        with torch.no_grad(), model.hooks(fwd_hooks=[(lambda name: name in names, self._keep)]):
            self.final: Float[Tensor, "prompt pos d_model"] = model.after_blocks(self.tokens)

    def past(self, layer: int) -> tuple[Tensor, Tensor]:
        """Keys and values `[prompt, pos, kv_head, d_head]`."""
        return self.site("k", layer), self.site("v", layer)


def continued(
    model: HookedBridge,
    chunk: Sequence[Planned],
    runs: Runs,
    base: Run,
    index: Int[Tensor, " prompt"],
    query: int,
    sizes: Dimensions,
    resampled: Int[Tensor, " everyone"],
) -> Float[Tensor, "variant prompt d_model"]:
    """The residual stream at the query after the last block."""
    if any(cell.site in ("pattern", "edge") for variant in chunk for cell in variant.cells):
        model.must_write_patterns()
    bundles = bundle([variant.cells for variant in chunk], index.device)
    values = [(cells, replacement(cells, runs, sizes, index, resampled)) for cells in bundles]
    hooks = ChunkHooks(values, {}, sizes, len(chunk), 0)
    tokens = repeat(runs[base].tokens[index], "prompt pos -> (variant prompt) pos", variant=len(chunk))
    with model.hooks(fwd_hooks=hooks.hooks()):
        final = model.after_blocks(tokens)[:, query]
    hooks.check()
    return rearrange(final, "(variant prompt) d -> variant prompt d", variant=len(chunk))
