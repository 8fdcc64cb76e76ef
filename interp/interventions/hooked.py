"""Variants run by a model's own blocks, for models that interp.interventions.block does not reproduce.

A variant is continued from the base run's residual stream at its first edited layer and position, with the base run's keys
and values as the cache of the positions before. Variants that start at the same place share batches of (variant x prompt)
rows; edits are index writes in TransformerLens' hooks. TransformerLens 4 keeps no such cache (interp.interventions.whole_passes).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from einops import rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor

from interp.configs.lazy import lazy
from interp.interventions.apply import ChunkHooks
from interp.interventions.cells import Dimensions, bundle, replacement
from interp.interventions.edits import Run
from interp.interventions.plan import Planned
from interp.interventions.runs import HOOKS, Runs, no_site
from interp.models.bridge import HookedBridge

if TYPE_CHECKING:
    from transformer_lens.cache import key_value_cache as caches
    from transformer_lens.cache import key_value_cache_entry as entries
else:
    caches, entries = (lazy(f"transformer_lens.cache.key_value_cache{end}") for end in ("", "_entry"))


class Recorded:
    """Activations under their hooks' names."""

    def __init__(self) -> None:
        self._acts: dict[str, Tensor] = {}

    def _keep(self, act: Tensor, hook: Any) -> None:
        self._acts[hook.name] = act.detach().clone()

    def site(self, site: str, layer: int) -> Tensor:
        """As BaseRun.site; UserError for a site that the model does not have."""
        name = HOOKS[site].format(layer)
        if name not in self._acts:
            raise no_site(site, layer)
        return self._acts[name]


class HookedRun(Recorded):
    """One unedited run of a prompt batch through the model itself; see interp.interventions.runs.BaseRun."""

    def __init__(self, model: Any, tokens: Int[Tensor, "prompt pos"]) -> None:
        super().__init__()
        cfg = model.cfg
        self._past = caches.TransformerLensKeyValueCache.init_cache(cfg, cfg.device, tokens.shape[0])
        self._entering: list[Tensor] = []
        names = {hook.format(layer) for hook in HOOKS.values() for layer in range(cfg.n_layers)}
        hooks = [(lambda name: name in names, self._keep)]
        with torch.no_grad(), model.hooks(fwd_hooks=hooks):
            self.final: Float[Tensor, "prompt pos d_model"] = run_blocks(
                model,
                model.input_to_embed(tokens.to(cfg.device))[0],
                0,
                dict(enumerate(self._past.entries)),
                self._entering,
            )

    def entering(self, layer: int) -> Float[Tensor, "prompt pos d_model"]:
        """What a block is given. It is site `resid_pre` but for hooks of somebody else's on the way, which a block that runs
        again applies again."""
        return self._entering[layer]

    def past(self, layer: int) -> tuple[Tensor, Tensor]:
        """Keys and values `[prompt, pos, kv_head, d_head]` as the layer caches them."""
        entry = self._past.entries[layer]
        return entry.past_keys, entry.past_values


def run_blocks(
    model: Any,
    resid: Float[Tensor, "row pos d_model"],
    first_layer: int,
    past: Mapping[int, entries.TransformerLensKeyValueCacheEntry | None],
    entering: list[Tensor] | None = None,
) -> Float[Tensor, "row pos d_model"]:
    """Blocks `first_layer` to the last on a residual stream; `past` holds each layer's keys and values of earlier positions.

    What each block is given is appended to `entering`.
    """
    if isinstance(model, HookedBridge):
        return model.after_blocks(resid, first_layer)
    for layer in range(first_layer, model.cfg.n_layers):
        if entering is not None:
            entering.append(resid.detach().clone())
        resid = model.blocks[layer](resid, past_kv_cache_entry=past[layer])
    return resid


def run_between(
    model: Any, resid: Float[Tensor, "row pos d_model"], begin: int, end: int, added: Mapping[int, Tensor]
) -> Float[Tensor, "row pos d_model"]:
    """The residual stream before block `end` (after the last one), from that before block `begin`; on the way something is
    added to it before some of the blocks."""
    if isinstance(model, HookedBridge):
        model.must_write_patterns()

        def add(act: Tensor, hook: Any) -> Tensor:
            return act + added[hook.layer()]

        with model.hooks(fwd_hooks=[(f"blocks.{layer}.hook_resid_pre", add) for layer in added]):
            return model.after_blocks(resid, begin, end)
    for layer in range(begin, end):
        if layer in added:
            resid = resid + added[layer]
        resid = model.blocks[layer](resid)
    return resid


def same_start(planned: Sequence[Planned]) -> list[list[Planned]]:
    """Variants that begin in the same layer and at the same position."""
    groups: dict[tuple[int, int], list[Planned]] = defaultdict(list)
    for variant in planned:
        groups[_start(variant)].append(variant)
    return [groups[place] for place in sorted(groups)]


def _start(variant: Planned) -> tuple[int, int]:
    return min(cell.layer for cell in variant.cells), variant.start.first


def continued(
    model: Any,
    chunk: Sequence[Planned],
    runs: Runs,
    base: Run,
    index: Int[Tensor, " prompt"],
    query: int,
    sizes: Dimensions,
    resampled: Int[Tensor, " everyone"],
) -> Float[Tensor, "variant prompt d_model"]:
    """The residual stream at the query after the last block, of variants with the same start."""
    times, run = len(chunk), runs[base]
    layer, first = _start(chunk[0])
    resid = repeat(run.entering(layer)[index, first:], "prompt pos d -> (variant prompt) pos d", variant=times)
    past = {
        later: entries.TransformerLensKeyValueCacheEntry(
            *(repeat(kv[index, :first], "prompt ... -> (variant prompt) ...", variant=times) for kv in run.past(later))
        )
        for later in range(layer, sizes.n_layers)
    }
    bundles = bundle([variant.cells for variant in chunk], index.device)
    values = [(cells, replacement(cells, runs, sizes, index, resampled)) for cells in bundles]
    hooks = ChunkHooks(values, past, sizes, times, first)
    with model.hooks(fwd_hooks=hooks.hooks()):
        final = run_blocks(model, resid, layer, past)[:, query - first]
    hooks.check()
    return rearrange(final, "(variant prompt) d -> variant prompt d", variant=times)
