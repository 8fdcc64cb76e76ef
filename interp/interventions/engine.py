"""The engine: runs variants exactly, in batches, and reads the metric on every prompt.

How it works. A variant changes nothing before its first edited layer, nor, because attention is causal, at positions
before its first edited one. So every variant is continued from the base run's residual stream at that layer and
position, with the base run's keys and values as the cache of the positions before. Variants that start at the same
place share batches of (variant x prompt) rows; edits are index writes in TransformerLens' hooks. Nothing is
approximated: tests hold every site against whole forward passes and TransformerLens' own patching.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from einops import rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor
from transformer_lens.cache.key_value_cache_entry import TransformerLensKeyValueCacheEntry

from interp.interventions.apply import ChunkHooks
from interp.interventions.cells import Dimensions, bundle, cells_of, replacement
from interp.interventions.edits import Run, Variant
from interp.interventions.readout import ModelReadout
from interp.interventions.runs import Runs, run_blocks
from interp.metrics import Metric
from interp.prompts.pairs import PromptSet

Progress = Callable[[int], None]

KEPT_SETS = 2  # prompt sets whose activations stay in memory; running one again takes about a second


class Engine:
    """Measures variants on one model.

    Args:
        model: a HookedTransformer, or anything of its structure (`cfg`, `blocks`, `ln_final`, `unembed`, `hooks`).
        memory_gb: what the activations of one batch may take; it decides the batch size, so results that are equal
            byte for byte need it equal.
        seed: of the permutation behind `resample`.
    """

    def __init__(self, model: Any, memory_gb: float = 0.1, seed: int = 0) -> None:
        self.model = model
        self.sizes = Dimensions.of(model.cfg)
        self._memory = memory_gb * 2**30
        self._seed = seed
        self._runs: dict[int, tuple[PromptSet, Runs]] = {}

    def runs(self, prompts: PromptSet) -> Runs:
        """The clean and corrupted run of a prompt set (kept for the last few sets)."""
        if id(prompts) not in self._runs:
            while len(self._runs) >= KEPT_SETS:
                self._runs.pop(next(iter(self._runs)))
            self._runs[id(prompts)] = (prompts, Runs(self.model, prompts))
        return self._runs[id(prompts)][1]

    def read(
        self, prompts: PromptSet, metric: Metric, run: Run, rows: Sequence[int] | None = None
    ) -> Float[Tensor, " prompt"]:
        """The metric on an unedited run."""
        index = self.rows(prompts, rows)
        final = self.runs(prompts)[run].final[index, prompts.query_index]
        with torch.no_grad():
            return metric(self.readout(prompts, final, index)).cpu()

    @torch.no_grad()
    def measure(
        self,
        variants: Sequence[Variant],
        prompts: PromptSet,
        metric: Metric,
        rows: Sequence[int] | None = None,
        progress: Progress | None = None,
    ) -> Float[Tensor, "variant prompt"]:
        """The metric of every variant on every prompt (or on those in `rows`), exactly.

        Raises UserError for edits outside the model or the prompt, RuntimeError when an edit was not applied.
        """
        index = self.rows(prompts, rows)
        result = torch.empty(len(variants), len(index))
        places: dict[tuple[Run, int, int], list[int]] = defaultdict(list)
        for number, variant in enumerate(variants):
            places[variant.base, *self._start(variant, prompts)].append(number)
        for (base, layer, first), numbers in sorted(places.items()):
            size = self._variants_at_once(prompts.clean.shape[1] - first, prompts.clean.shape[1], len(index))
            for begin in range(0, len(numbers), size):
                chunk = numbers[begin : begin + size]
                result[chunk] = self._chunk([variants[i] for i in chunk], prompts, metric, index, base, layer, first)
                if progress is not None:
                    progress(len(chunk) * len(index))
        return result

    def rows(self, prompts: PromptSet, rows: Sequence[int] | None) -> Int[Tensor, " row"]:
        """Row numbers as a tensor; None stands for all of them."""
        return torch.tensor(list(range(len(prompts)) if rows is None else rows), device=self.model.cfg.device)

    def readout(
        self, prompts: PromptSet, resid: Float[Tensor, "row d_model"], index: Int[Tensor, " prompt"]
    ) -> ModelReadout:
        """What a metric reads from final residual streams; rows are variant-major over the prompts in `index`."""
        times = resid.shape[0] // len(index)
        clean = self.runs(prompts)["clean"].final[index, prompts.query_index]
        device = resid.device
        return ModelReadout(
            self.model,
            resid,
            repeat(prompts.answer.to(device)[index], "prompt -> (variant prompt)", variant=times),
            repeat(prompts.foil.to(device)[index], "prompt -> (variant prompt)", variant=times),
            repeat(clean, "prompt d -> (variant prompt) d", variant=times),
        )

    def resampled(self, prompts: PromptSet) -> Int[Tensor, " prompt"]:
        """For every prompt, another prompt of the set: a seeded cyclic order, so nobody is replaced by itself."""
        generator = torch.Generator().manual_seed(self._seed)
        cycle = torch.randperm(len(prompts), generator=generator)
        partner = torch.empty_like(cycle)
        partner[cycle] = cycle.roll(1)
        return partner.to(self.model.cfg.device)

    def _start(self, variant: Variant, prompts: PromptSet) -> tuple[int, int]:
        """First layer and first token position that a variant changes."""
        places = [
            (edit.layer, cell.position) for edit in set(variant.edits) for cell in cells_of(edit, prompts, self.sizes)
        ]
        if not places:
            return self.sizes.n_layers, prompts.query_index
        layer, position = (min(column) for column in zip(*places, strict=True))
        return layer, min(position, prompts.query_index)

    def _variants_at_once(self, n_tokens: int, n_all: int, n_prompts: int) -> int:
        cfg = self.model.cfg
        floats = n_tokens * (8 * cfg.d_model + 3 * (cfg.d_mlp or 0) + 2 * self.sizes.n_heads * n_all)
        return max(1, int(self._memory / (4 * floats * n_prompts)))

    def _chunk(
        self,
        variants: Sequence[Variant],
        prompts: PromptSet,
        metric: Metric,
        index: Int[Tensor, " prompt"],
        base: Run,
        layer: int,
        first: int,
    ) -> Float[Tensor, "variant prompt"]:
        times, query = len(variants), prompts.query_index
        runs = self.runs(prompts)
        run = runs[base]
        if layer == self.sizes.n_layers:
            final = repeat(run.final[index, query], "prompt d -> (variant prompt) d", variant=times)
        else:
            resid = run.site("resid_pre", layer)[index, first:]
            resid = repeat(resid, "prompt pos d -> (variant prompt) pos d", variant=times)
            past = {
                later: TransformerLensKeyValueCacheEntry(
                    *(
                        repeat(kv[index, :first], "prompt ... -> (variant prompt) ...", variant=times)
                        for kv in run.past(later)
                    )
                )
                for later in range(layer, self.sizes.n_layers)
            }
            resampled = self.resampled(prompts)
            bundles = [
                (cells, replacement(cells, runs, self.sizes, index, resampled))
                for cells in bundle(variants, prompts, self.sizes, index.device)
            ]
            hooks = ChunkHooks(bundles, past, self.sizes, times, first)
            with self.model.hooks(fwd_hooks=hooks.hooks()):
                final = run_blocks(self.model, resid, layer, past)[:, query - first]
            hooks.check()
        measured = metric(self.readout(prompts, final, index))
        return rearrange(measured, "(variant prompt) -> variant prompt", variant=times).cpu()
