"""Activations of the clean and the corrupted run of a prompt set, cached by site and layer.

Keys and values are kept as the attention layer itself appends them to its key-value cache, so that a forward pass can
be continued from any layer and position exactly as the model would.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformer_lens.cache.key_value_cache import TransformerLensKeyValueCache
from transformer_lens.cache.key_value_cache_entry import TransformerLensKeyValueCacheEntry

from interp.errors import UserError
from interp.interventions.edits import Run
from interp.prompts.pairs import PromptSet

HOOKS = {
    "resid_pre": "blocks.{}.hook_resid_pre",
    "resid_mid": "blocks.{}.hook_resid_mid",
    "attn_out": "blocks.{}.hook_attn_out",
    "mlp_out": "blocks.{}.hook_mlp_out",
    "z": "blocks.{}.attn.hook_z",
    "q": "blocks.{}.attn.hook_q",
    "k": "blocks.{}.attn.hook_k",
    "v": "blocks.{}.attn.hook_v",
    "pattern": "blocks.{}.attn.hook_pattern",
}
"""Site -> TransformerLens hook name (one `{}` for the layer)."""


class BaseRun:
    """One unedited run of a prompt batch: `site(name, layer)`, the key-value cache, and the final residual."""

    def __init__(self, model: Any, tokens: Int[Tensor, "prompt pos"]) -> None:
        self._model = model
        cfg = model.cfg
        self._past = TransformerLensKeyValueCache.init_cache(cfg, cfg.device, tokens.shape[0])
        self._acts: dict[str, Tensor] = {}
        names = {hook.format(layer) for hook in HOOKS.values() for layer in range(cfg.n_layers)}
        hooks = [(lambda name: name in names, self._keep)]
        with torch.no_grad(), model.hooks(fwd_hooks=hooks):
            self.final: Float[Tensor, "prompt pos d_model"] = run_blocks(
                model, model.input_to_embed(tokens.to(cfg.device))[0], 0, dict(enumerate(self._past.entries))
            )

    def _keep(self, act: Tensor, hook: Any) -> None:
        self._acts[hook.name] = act.detach().clone()

    def site(self, site: str, layer: int) -> Tensor:
        """The activation at a site, in TransformerLens' shape (`[prompt, pos, ...]`; pattern `[prompt, head, q, k]`)."""
        name = HOOKS[site].format(layer)
        if name not in self._acts:
            raise UserError(f"site {site!r} does not exist in this model: it has no hook {name}")
        return self._acts[name]

    def past(self, layer: int) -> tuple[Tensor, Tensor]:
        """Keys and values `[prompt, pos, kv_head, d_head]` as the layer caches them."""
        entry = self._past.entries[layer]
        return entry.past_keys, entry.past_values


def run_blocks(
    model: Any,
    resid: Float[Tensor, "row pos d_model"],
    first_layer: int,
    past: Mapping[int, TransformerLensKeyValueCacheEntry | None],
) -> Float[Tensor, "row pos d_model"]:
    """Blocks `first_layer` to the last on a residual stream; `past` holds each layer's keys and values of earlier positions."""
    for layer in range(first_layer, model.cfg.n_layers):
        resid = model.blocks[layer](resid, past_kv_cache_entry=past[layer])
    return resid


class Runs:
    """Both runs of a prompt set, made when first asked for."""

    def __init__(self, model: Any, prompts: PromptSet) -> None:
        self._model = model
        self._prompts = prompts
        self._runs: dict[str, BaseRun] = {}

    def __getitem__(self, run: Run) -> BaseRun:
        if run not in self._runs:
            self._runs[run] = BaseRun(self._model, getattr(self._prompts, run))
        return self._runs[run]
