"""How much memory a run takes, from sizes, prompts and probes alone; each term is one thing that the process holds.

What `compute.memory_gb` bounds: the tokens of one sweep and of one batch of base runs, and how many prompt sets keep their
base runs (one at least). What it cannot: the libraries, the weights, the base runs of one prompt set, and the rows of a
probe that measures. A table that is only observed is written as it is read off, and takes no memory of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from interp.analysis.findings_of_run import Sizes
from interp.interventions.budget import KEPT_BYTES, KEPT_SETS, TOKENS_AT_ONCE, base_run_bytes, token_bytes
from interp.measure.study import Study
from interp.models.config import ModelSource
from interp.models.lens import has_hooked_transformer
from interp.probes.base import Observation

LIBRARIES = 0.56 * 2**30
LOADING, LOADING_4 = 1.3, 2.5
"""Peak while a model is loaded, over its weights (tests/models/test_peak.py); TransformerLens 4 copies them itself."""
PARTS = 0.4 * 2**30
"""Buffers of a table in parts: one row group, its dictionaries, and the resamples of some cells."""
SUMMARY_ROW = 1450
"""Bytes of a row of the summary while the report looks at it: names as Python objects, once as read and once as grouped."""
HELD_ROW = (
    100  # bytes of a compact row; held up to three times while a probe's rows are joined, written and concluded from
)


@dataclass(frozen=True)
class Footprint:
    """Peaks in bytes while the model is loaded, while it is measured, and while the report is drawn."""

    loading: float
    measuring: float
    reporting: float
    unbounded: float
    """What memory_gb has no say in, of `measuring`."""

    @property
    def peak(self) -> float:
        """The largest."""
        return max(self.loading, self.measuring, self.reporting)


def footprint(info: Sizes, study: Study, probes: Any, model: ModelSource, memory_gb: float | None) -> Footprint:
    """The footprint of a run on a CPU."""
    # A model that its source builds says in no config what it is held in.
    dtype, sparse = getattr(model, "dtype", "float32"), getattr(model, "sparse", None)
    weights = weight_bytes(info, dtype)
    # A sparse model is read and merged in float32, whatever it runs in.
    copies = LOADING if has_hooked_transformer() else LOADING_4
    loading = copies * weight_bytes(info, dtype if sparse is None else "float32").model
    budget = float("inf") if memory_gb is None else memory_gb * 2**30
    sets = study.book.sets
    largest_first = sorted((base_run_bytes(info, study.sizes, *prompts.clean.shape) for prompts in sets), reverse=True)
    runs = largest_first[:KEPT_SETS]
    kept = max(runs[0], min(sum(runs), budget, KEPT_BYTES))
    longest = max(prompts.clean.shape[1] for prompts in sets)
    token = token_bytes(info, study.sizes, longest)
    batch = max(min(TOKENS_AT_ONCE["cpu"] * token, budget), longest * token)
    logits = 3.0 * 4 * max(len(prompts) for prompts in sets) * info.d_vocab
    rows = {probe.label: probe.n_rows(study) for probe in probes}
    held = max((rows[probe.label] for probe in probes if not isinstance(probe, Observation)), default=0)
    unbounded = LIBRARIES + weights.model + weights.blocks + runs[0] + 3.0 * HELD_ROW * held
    large = min(1.0, max(rows.values()) / 2**20)
    measuring = unbounded + (kept - runs[0]) + max(batch, logits, PARTS * large)
    summary = sum(rows[probe.label] / max(1, probe.n_prompts(study)) for probe in probes)
    reporting = LIBRARIES + weights.model + weights.blocks + SUMMARY_ROW * summary
    return Footprint(LIBRARIES + loading, measuring, reporting, unbounded)


class Weights(NamedTuple):
    """Bytes of a loaded model, and of what the engine's blocks keep beside it."""

    model: float
    blocks: float


def weight_bytes(info: Sizes, dtype: str) -> Weights:
    """The blocks lay queries, keys and values out anew, and hold all their weights in float32 (interp.interventions.block)."""
    into_heads = info.d_model * info.d_head * (info.n_heads + 2 * info.n_kv_heads)
    attention = into_heads + info.d_model * info.d_head * info.n_heads
    mlp = (3 if info.gated_mlp else 2) * info.d_model * info.d_mlp
    each = 4.0 if dtype == "float32" else 2.0
    model = each * (info.n_layers * (attention + mlp) + 2 * info.d_vocab * info.d_model)
    return Weights(model, 4.0 * info.n_layers * (into_heads if dtype == "float32" else attention + mlp))
