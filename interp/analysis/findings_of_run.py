"""What metrics.json says of a whole run, and the file itself: `schema_version`, `run`, `probes` (docs/tables.md)."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializeAsAny

from interp.analysis.findings import VERSION, EstimateFound, Findings, Plain


class ModelFound(Plain):
    """Sizes, origin and treatment of the model (interp.models.info.ModelInfo)."""

    name: str
    architecture: str
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_model: int
    d_head: int
    d_mlp: int
    d_vocab: int
    n_ctx: int
    gated_mlp: bool
    source: str
    origin: str
    dtype: str
    device: str
    prepend_bos: bool
    processing: dict[str, bool]
    """Weight rewrites that took effect."""
    weights_sha256: str
    """Of the dense base."""
    sparse: dict[str, Any] | None
    """The gate's bias, and how its checkpoint was trained; null for a dense model."""
    checked_prompt: str
    logits_max_abs_diff: float
    """To Hugging Face's logits on `checked_prompt`, each row's mean removed."""


class MetricFound(Plain):
    """The metric's own words."""

    kind: str
    unit: str
    words: str
    rises_with_damage: bool


class WordingFound(Plain):
    """How the model does in one wording, on all of its candidates."""

    template: str
    n_asked: int
    n_prompts: int
    """Those that are used."""
    n_tokens: int | None
    accuracy: EstimateFound
    log_prob: EstimateFound
    """Of the answer, in nats."""
    gates: dict[str, int] | None
    """What the gates of a sparse model do on the prompts that are used."""


class FocusFound(Plain):
    """The prompt that figures show; positions from 1."""

    prompt: int
    clean: str
    answer: str
    corrupted: str
    foil: str
    key: int
    query: int


class RunFindings(Plain):
    """What was asked, of which model, and how the metric stands before any edit."""

    name: str
    title: str
    question: str
    model: ModelFound
    metric: MetricFound
    n_prompts: int
    n_pairs: int
    n_templates: int
    n_dropped: int
    confidence: float
    n_resamples: int
    share_target: float
    share_definition: str
    clean: EstimateFound
    """Of the metric, over prompts."""
    corrupted: EstimateFound
    accuracy_kept: float
    """On the prompts that are used."""
    accuracy: float
    """On every candidate."""
    n_asked: int
    wordings: list[WordingFound]
    focus_is_declared: bool
    focus: FocusFound
    notes: list[str] = Field(default_factory=list)


class Metrics(Plain):
    """metrics.json: what a run of probes concluded."""

    schema_version: int = VERSION
    run: RunFindings
    probes: dict[str, SerializeAsAny[Findings]]
    """By the probe's label; what else a kind of probe says stands under its name in `$defs`."""
