"""TransformerLens' own activation patching, and a hooks loop for edges, which it has no function for.

Sweeps 1 to 3 are `transformer_lens.patching.generic_activation_patch` with TransformerLens' own setters: its
`get_act_patch_*` functions are that call with all cells filled in. The cells are passed explicitly (`index_df`), so a
subset can be timed. Edges: one `run_with_hooks` a cell that subtracts w_qk v_k from z; both come out of the cache of the
clean run, since nothing before the edit has changed. The clean run is cached once a sweep, as its tutorials do, and
only the activations that are read. Model: the same HookedTransformer as our engine's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from transformer_lens import patching
from transformer_lens.utilities import get_act_name

from benchmarks.contestant import Contestant, mean_logit_diff
from benchmarks.workloads import Cell

# Sweep -> activation, the setter that TransformerLens' own function uses, and the cell's axes in its order.
PATCHES = {
    "heads": ("z", patching.layer_head_vector_patch_setter, ("layer", "head")),
    "heads_by_position": ("z", patching.layer_pos_head_vector_patch_setter, ("layer", "query", "head")),
    "resid_pre": ("resid_pre", patching.layer_pos_patch_setter, ("layer", "query")),
}


class TransformerLensPatching(Contestant):
    """One forward pass a cell."""

    name = "TransformerLens"

    @torch.inference_mode()
    def start(self) -> None:
        names = ("hook_z", "hook_resid_pre") if self.workload.sweep != "edges" else ("hook_pattern", "hook_v")
        self._cache = self.model.hooked.run_with_cache(
            self.prompts.clean, names_filter=lambda name: name.endswith(names)
        )[1]

    @torch.inference_mode()
    def run(self, numbers: Sequence[int]) -> Float[Tensor, " cell"]:
        cells = self.workload.part(numbers).cells
        if self.workload.sweep == "edges":
            return torch.stack([self._without_edge(cell) for cell in cells])
        activation, setter, axes = PATCHES[self.workload.sweep]
        rows = pd.DataFrame([[getattr(cell, axis) for axis in axes] for cell in cells], columns=list(axes))
        return patching.generic_activation_patch(
            self.model.hooked, self.prompts.corrupted, self._cache, self._metric, setter, activation, index_df=rows
        )

    def _metric(self, logits: Float[Tensor, "prompt pos vocab"]) -> Float[Tensor, ""]:
        return mean_logit_diff(logits[:, self.prompts.query_index], self.prompts)

    def _without_edge(self, cell: Cell) -> Float[Tensor, ""]:
        cfg = self.model.hooked.cfg
        group = cfg.n_heads // (cfg.n_key_value_heads or cfg.n_heads)
        weight = self._cache[get_act_name("pattern", cell.layer)][:, cell.head, cell.query, cell.key]
        value = self._cache[get_act_name("v", cell.layer)][:, cell.key, cell.head // group]
        term = weight[:, None] * value

        def cut(z: Tensor, hook: Any) -> Tensor:
            z[:, cell.query, cell.head] -= term
            return z

        hooks = [(get_act_name("z", cell.layer), cut)]
        return self._metric(self.model.hooked.run_with_hooks(self.prompts.clean, fwd_hooks=hooks))
