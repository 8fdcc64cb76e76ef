"""What metrics.json says of a whole run, and the file itself: `schema_version`, `run`, `probes` (docs/tables.md)."""

from __future__ import annotations

from pydantic import ConfigDict, Field, SerializeAsAny

from interp.analysis.findings import VERSION, Findings, MeanFound, Plain


class TrainedFound(Plain):
    """How a sparse checkpoint was trained, as the checkpoint itself says: among it, on held-out text, the numbers here."""

    model_config = ConfigDict(extra="allow")

    density: float | None = None
    """Open edges, in parts of the causal ones."""
    above_dense: float | None = None
    """Loss above the dense base's, in nats a token."""
    context: int | None = None
    """Tokens."""


class SparseFound(Plain):
    """The gate of a sparse model (docs/sparse.md): an edge is open where `gate` plus the biases is above 0."""

    opened: bool = False
    """Whether every edge is held open: the weights of a sparse checkpoint without its gate."""
    gate: str = "score"
    bias: float = 0.0
    checkpoint: str | None
    head_bias_range: tuple[float, float] | None = None
    """Least and largest of what single heads add to `bias`."""
    first_bias_range: tuple[float, float] | None = None
    """The same for a head's first key."""
    trained: TrainedFound | None = None


class Sizes(Plain):
    """Sizes of a model, which its config file alone tells."""

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
    windows: tuple[int | None, ...] = ()
    """How many positions each layer's queries see, their own included (null: all); empty: all, in every layer."""

    def sees(self, layer: int, query: int, key: int) -> bool:
        """Whether a layer's query looks at a key: not after it, and within the window."""
        window = self.windows[layer] if self.windows else None
        return key <= query and (window is None or query - key < window)


class ModelFound(Sizes):
    """Sizes, origin and treatment of a loaded model."""

    source: str
    origin: str
    dtype: str
    device: str
    prepend_bos: bool
    processing: dict[str, bool]
    """Weight rewrites that took effect."""
    weights_sha256: str
    """Of the dense base."""
    sparse: SparseFound | None
    """Null for a dense model."""
    checked_prompt: str
    logits_max_abs_diff: float
    """The largest, to Hugging Face's logits on `checked_prompt`, each row's mean removed where center_unembed has moved rows by
    a constant; where no prompt is named, there was nothing to hold them against."""


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
    accuracy: MeanFound
    log_prob: MeanFound
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
    clean: MeanFound
    """Of the metric, over prompts."""
    corrupted: MeanFound
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
