"""The engine: runs variants exactly, in batches, and reads the metric on every prompt.

Every variant recomputes what its edits can change and nothing else (interp.interventions.wave, .plan). Nothing is
approximated: tests hold every site against whole forward passes and TransformerLens' own patching. A model whose blocks
are not known here is run through TransformerLens' blocks and hooks (interp.interventions.hooked), more slowly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor

from interp.errors import UserError
from interp.interventions import hooked, whole_passes
from interp.interventions.agreement import agreed_runs
from interp.interventions.block import blocks_of, foreign_hook, reason_against
from interp.interventions.branching import branching_chunks
from interp.interventions.budget import (
    KEPT_BYTES,
    KEPT_SETS,
    TOKENS_AT_ONCE,
    base_run_bytes,
    free_memory_gb,
    token_bytes,
)
from interp.interventions.cells import Dimensions, replacement
from interp.interventions.edits import Run, Variant
from interp.interventions.live import LiveSets
from interp.interventions.plan import Planned, chunks, common_prefix, make_plan, whole
from interp.interventions.readout import ModelReadout
from interp.interventions.runs import Runs, block_runs
from interp.interventions.watch import State, state_of
from interp.interventions.wave import Wave
from interp.interventions.writing import Batch
from interp.metrics import Metric
from interp.models.bridge import HookedBridge, seen
from interp.models.sparse_attention import gate_facts
from interp.prompts.pairs import PromptSet

Progress = Callable[[int], None]


class Engine:
    """Measures variants on one model.

    Args:
        model: a HookedTransformer, or anything of its structure (`cfg`, `blocks`, `ln_final`, `unembed`, `hooks`).
        memory_gb: what the activations of one sweep may take; None: a quarter of the memory that is free. It can only
            make batches smaller than TOKENS_AT_ONCE; results of other batch sizes differ by rounding alone.
        seed: of the permutation behind `resample`.
        by_hooks: run the model's own blocks where that is not needed, to hold one way against the other.

    `counts` tallies what was asked for: variants, those that causality leaves exactly unchanged, repeated ones.
    """

    def __init__(self, model: Any, memory_gb: float | None = None, seed: int = 0, by_hooks: bool = False) -> None:
        self.model = seen(model)
        self.counts: Counter[str] = Counter()
        self._by_hooks = by_hooks
        self._memory_gb = memory_gb
        self.seed = seed
        self._runs: dict[tuple[int, int], tuple[PromptSet, Runs]] = {}
        self._seen: State | None = None
        self._undisturbed = 0
        self.look()

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Within the block nobody else has the model, so it is looked at once before and once after.

        A search asks hundreds of small questions, and a look costs as much as one of them. UserError when the model was
        changed all the same.
        """
        self.look()
        self._undisturbed += 1
        try:
            yield
        finally:
            self._undisturbed -= 1
        if not self._undisturbed and self._seen is not None and not state_of(self.model).same(self._seen):
            raise UserError(
                "the model was changed while it was measured, so the numbers belong to no model; measure again"
            )

    def look(self) -> None:
        """Take the model as it is now: when its hooks, parts, settings or weights have changed, nothing kept is used again.

        Everything that measures or reads does this first. UserError for a hook that would be passed over.
        """
        if self._undisturbed:
            return
        seen = state_of(self.model)
        if self._seen is not None and seen.same(self._seen):
            return
        self._seen = None
        self._foreign = foreign_hook(self.model)
        asked = "it was asked for" if self._by_hooks else None
        self.reason_against_blocks = asked or reason_against(self.model) or self._foreign
        self.sizes = Dimensions.of(self.model.cfg)
        self._blocks = [] if self.reason_against_blocks else blocks_of(self.model)
        self._runs.clear()
        self._live = LiveSets(self.sizes, KEPT_SETS)
        self._seen = seen

    def runs(self, prompts: PromptSet) -> Runs:
        """The clean and corrupted run of a prompt set (kept for the last few sets)."""
        self.look()
        return self._kept(prompts)

    def _kept(self, prompts: PromptSet) -> Runs:
        if (tokens := _tokens(prompts)) not in self._runs:
            self._make_room(prompts)
            self._runs[tokens] = (prompts, self._agreed_runs(prompts))
        return self._runs[tokens][1]

    def _agreed_runs(self, prompts: PromptSet) -> Runs:
        """Runs that give the model's own logits: its own blocks make them where the fast ones do not."""
        rows = max(1, self.tokens_at_once(prompts) // prompts.clean.shape[1])
        fast = [partial(block_runs, self.model, self._blocks, rows)] if self._blocks else []
        runs, stray = agreed_runs(self.model, prompts, [*fast, self._hooked_runs])
        if stray is not None:
            self.reason_against_blocks = f"its logits are up to {stray:.2g} from what its settings say"
            self._blocks = []
            self._runs.clear()
        return runs

    def _make_room(self, prompts: PromptSet) -> None:
        """Free the activations of the sets asked for longest ago, until those of one more set fit."""
        limit = min(self._budget(), KEPT_BYTES)
        held = [*(kept for kept, _ in self._runs.values()), prompts]
        sizes = [base_run_bytes(self.model.cfg, self.sizes, *prompt_set.clean.shape) for prompt_set in held]
        while self._runs and (len(self._runs) >= KEPT_SETS or sum(sizes) > limit):
            self._runs.pop(next(iter(self._runs)))
            sizes.pop(0)

    def forget(self, but: Sequence[PromptSet] = ()) -> None:
        """Free the kept activations, but for those of some prompt sets."""
        wanted = {_tokens(prompts) for prompts in but}
        self._live.forget(but)
        self._runs = {tokens: kept for tokens, kept in self._runs.items() if tokens in wanted}

    def _hooked_runs(self, tokens: list[Tensor]) -> list[Any]:
        own_run = whole_passes.WholeRun if isinstance(self.model, HookedBridge) else hooked.HookedRun
        return [own_run(self.model, batch) for batch in tokens]

    def read(
        self, prompts: PromptSet, metric: Metric, run: Run, rows: Sequence[int] | None = None
    ) -> Float[Tensor, " prompt"]:
        """The metric on an unedited run."""
        self.look()
        return self._read(prompts, metric, run, rows)

    def _read(
        self, prompts: PromptSet, metric: Metric, run: Run, rows: Sequence[int] | None
    ) -> Float[Tensor, " prompt"]:
        index = self.rows(prompts, rows)
        final = self._kept(prompts)[run].final[index, prompts.query_index]
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
        self.look()
        self._refuse_folded(variants)
        index = self.rows(prompts, rows)
        result = torch.empty(len(variants), len(index), dtype=self._precision())
        tell = progress or (lambda done: None)
        for base in sorted({variant.base for variant in variants}):
            mine = [number for number, variant in enumerate(variants) if variant.base == base]
            plan = make_plan(variants, mine, self._live.of(prompts))
            self.counts.update(variants=len(mine), unchanged=len(plan.unchanged), repeated=plan.n_repeated)
            result[list(plan.unchanged)] = self._read(prompts, metric, base, rows).to(result.dtype)
            tell(len(plan.unchanged) * len(index))
            planned = [whole(variant) for variant in plan.planned] if self._foreign else plan.planned
            for columns in torch.split(torch.arange(len(index)), self._prompts_at_once(prompts)):
                here = index[columns]
                prefix = common_prefix(prompts, len(here))
                for chunk in self._chunks(planned, prompts, len(here), prefix):
                    final = self._run(chunk, prompts, here, base, prefix)
                    measured = metric(self.readout(prompts, final.flatten(0, 1), here)).view(final.shape[:2])
                    measured = measured.to("cpu", result.dtype)
                    for variant, values in zip(chunk, measured, strict=True):
                        result[torch.tensor(variant.numbers)[:, None], columns] = values
                    tell(sum(len(variant.numbers) for variant in chunk) * len(here))
        return result

    def gates(self, sets: Sequence[PromptSet]) -> dict[str, int]:
        """What a gated model's gates did in the clean and corrupted runs of prompt sets (interp.models.sparse_attention)."""
        counts: Counter[str] = Counter()
        if getattr(self.model.blocks[0].attn, "sparse_gate", None) is not None:
            for prompts in sets:
                counts.update(gate_facts(self.model, torch.cat([prompts.clean, prompts.corrupted])))
        return dict(counts)

    def _refuse_folded(self, variants: Sequence[Variant]) -> None:
        """With b_V moved into b_O an edge w_qk v_k is another one, and no longer that of a gated twin."""
        if getattr(self.model, "value_biases_folded", False) and any(
            edit.site == "edge" for variant in variants for edit in variant.edits
        ):
            raise UserError(
                "model.processing.fold_value_biases: value biases moved into the output bias change what an edge is; set it "
                "to false where edges are cut"
            )

    def _precision(self) -> torch.dtype:
        """What effects are kept in: float32, also for models in half precision, or float64."""
        return torch.float64 if self.model.cfg.dtype == torch.float64 else torch.float32

    def _run(
        self, chunk: list[Planned], prompts: PromptSet, index: Int[Tensor, " prompt"], base: Run, prefix: int
    ) -> Float[Tensor, "variant prompt d_model"]:
        runs, resampled, query = self._kept(prompts), self.resampled(prompts), prompts.query_index
        if not self._blocks:
            own_blocks = whole_passes if isinstance(self.model, HookedBridge) else hooked
            return own_blocks.continued(self.model, chunk, runs, base, index, query, self.sizes, resampled)

        batch = Batch(runs[base], runs, index, query, prefix)
        values = partial(replacement, runs=runs, sizes=self.sizes, rows=index, resampled=resampled)
        return Wave(self._blocks, batch, chunk, values).run()

    def _chunks(
        self, planned: Sequence[Planned], prompts: PromptSet, n_prompts: int, prefix: int
    ) -> list[list[Planned]]:
        end = prompts.query_index + 1

        def tokens(variant: Planned) -> int:
            first = variant.start.first
            return max(0, prefix - first) + n_prompts * (end - max(first, prefix))

        most = self.tokens_at_once(prompts)
        if self._blocks:
            return branching_chunks(planned, tokens, most)
        return [chunk for group in hooked.same_start(planned) for chunk in chunks(group, tokens, most)]

    def _prompts_at_once(self, prompts: PromptSet) -> int:
        """As many as let one variant stay within the budget."""
        return max(1, self.tokens_at_once(prompts) // prompts.clean.shape[1])

    def tokens_at_once(self, prompts: PromptSet) -> int:
        """Tokens of one sweep."""
        device = torch.device(self.model.cfg.device)
        fitting = int(self._budget() / token_bytes(self.model.cfg, self.sizes, prompts.clean.shape[1]))
        return max(1, min(TOKENS_AT_ONCE.get(device.type, TOKENS_AT_ONCE["cpu"]), fitting))

    def _budget(self) -> float:
        """What activations may take, in bytes."""
        device = torch.device(self.model.cfg.device)
        return 2**30 * (free_memory_gb(device) / 4 if self._memory_gb is None else self._memory_gb)

    def rows(self, prompts: PromptSet, rows: Sequence[int] | None) -> Int[Tensor, " row"]:
        """Row numbers as a tensor; None stands for all of them."""
        return torch.tensor(list(range(len(prompts)) if rows is None else rows), device=self.model.cfg.device)

    def readout(
        self, prompts: PromptSet, resid: Float[Tensor, "row d_model"], index: Int[Tensor, " prompt"]
    ) -> ModelReadout:
        """What a metric reads from final residual streams; rows are variant-major over the prompts in `index`."""
        times = resid.shape[0] // len(index)
        clean = self._kept(prompts)["clean"].final[index, prompts.query_index]
        device = resid.device
        return ModelReadout(
            self.model,
            resid,
            repeat(prompts.answer.to(device)[index], "prompt -> (variant prompt)", variant=times),
            repeat(prompts.foil.to(device)[index], "prompt -> (variant prompt)", variant=times),
            clean,
            repeat(prompts.first_right.to(device)[index], "prompt n -> (variant prompt) n", variant=times),
            repeat(prompts.first_wrong.to(device)[index], "prompt n -> (variant prompt) n", variant=times),
        )

    def resampled(self, prompts: PromptSet) -> Int[Tensor, " prompt"]:
        """For every prompt, another prompt of the set: a seeded cyclic order, so nobody is replaced by itself."""
        cycle = torch.randperm(len(prompts), generator=torch.Generator().manual_seed(self.seed))
        partner = torch.empty_like(cycle)
        partner[cycle] = cycle.roll(1)
        return partner.to(self.model.cfg.device)


def _tokens(prompts: PromptSet) -> tuple[int, int]:
    """Which tensors of tokens a set holds: sets that ask the same prompts for other answers have their runs in common."""
    return id(prompts.clean), id(prompts.corrupted)
