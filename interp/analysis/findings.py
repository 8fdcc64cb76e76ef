"""What probes conclude, as metrics.json holds it: typed, documented and versioned (docs/tables.md, metrics.json).

Every kind of probe that concludes something has a class here; a probe of another package may bring its own, or stay with
`Findings`, which takes whatever it is given. A number that is undefined is null.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from interp.analysis.bootstrap import Estimate

VERSION = 1
"""Of the schema; it rises when a field changes its name or meaning, and not when one is added."""


E = TypeVar("E", bound="EstimateFound")


class Plain(BaseModel):
    """A mapping of metrics.json with a fixed set of fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def plain(self) -> dict[str, Any]:
        """Plain data, without the fields that nobody set."""
        return self.model_dump(exclude_unset=True)


class Findings(Plain):
    """What a probe concludes."""

    model_config = ConfigDict(extra="allow")

    kind: str
    """The probe's kind."""


class OurFindings(Findings):
    """What a probe of this package concludes: its fields are those that are written here."""

    model_config = ConfigDict(extra="forbid")


class EstimateFound(Plain):
    """A mean, or a ratio of means, over prompts, with its clustered interval and standard error."""

    mean: float | None
    low: float | None
    high: float | None
    sem: float | None
    n: int
    """Prompts."""
    n_clusters: int
    """Word pairs."""

    @classmethod
    def of(cls: type[E], estimate: Estimate) -> E:
        """An estimate as plain numbers."""
        return cls.model_validate(estimate.as_dict())


class MeanFound(EstimateFound):
    """A mean of finite numbers, which is always defined; its interval need not be."""

    mean: float


class CurvePoint(Plain):
    """A share when the best `n` heads or edges are kept; without an interval where none is made."""

    n: int
    share: float | None
    low: float | None = None
    high: float | None = None


class Crossing(Plain):
    """How many are needed for a target share: `first` to reach it, `staying` to reach it for good; null: never."""

    target: float
    first: int | None
    staying: int | None
    stable: bool
    """Whether both are the same."""


class LayerPoint(Plain):
    """The share that is carried below a layer."""

    layer: int
    share: float | None
    low: float | None
    high: float | None


class LayerRise(Plain):
    """By how much the share rises through a block."""

    layer: int
    rise: float


class LayerModulationFindings(OurFindings):
    """How much of the key->query effect the selected heads have carried below each layer (0 to n_layers)."""

    heads_from: str
    heads: list[str]
    target: float
    definition: str
    curve: list[LayerPoint]
    final: EstimateFound
    steps: list[LayerRise]
    """Blocks by how much the share rises through them, largest first."""


class DroppedPrompt(Plain):
    """A prompt that was left out, and why."""

    pair: str
    template: str
    reason: str


class LayerChange(Plain):
    """What the replacement in one layer changes: 1 is the whole clean-corrupted gap."""

    layer: int
    normalised: EstimateFound


class GroupSpan(Plain):
    """The layers in which a token group is at work; of the output, which has no profile, only the last."""

    group: str
    output: bool = False
    first: int | None
    last: int | None
    positions: list[int]
    """In the first prompt, counted from 1."""
    tokens: list[str]
    corrupted: str = ""
    foil: str = ""
    n: int = 0
    """Prompts."""
    dropped: list[DroppedPrompt] = Field(default_factory=list)
    layers: list[int] = Field(default_factory=list)
    gaps: list[int] = Field(default_factory=list)
    """Layers inside the span that are not at work."""
    profile: list[LayerChange] = Field(default_factory=list)


class LayerSpanFindings(OurFindings):
    """The layer span of every token group."""

    site: str
    threshold: float
    """In parts of the clean-corrupted gap."""
    groups: list[GroupSpan]


class Agreement(Plain):
    """How well estimates agree with exact effects; correlations are null for fewer than three, or where one side is constant."""

    pearson: float | None
    spearman: float | None
    top_k: int
    overlap: int
    """Of the `top_k` by absolute effect, how many are the same."""
    n_variants: int


class AttributionFindings(OurFindings):
    """Agreement of the gradient estimate with another probe's exact effects; only `of` where that was not measured."""

    of: str
    pearson: float | None = None
    spearman: float | None = None
    top_k: int = 0
    overlap: int = 0
    n_variants: int = 0


class DirectFindings(OurFindings):
    """Mean direct contributions by part of the model, in metric units, and the largest error of their sum."""

    parts: dict[str, float]
    max_abs_error: float


class ScreenedEdge(Plain):
    """An edge of a screened search's top set: its exact effect and its estimate, in metric units."""

    label: str
    key: str
    query: str
    effect: MeanFound
    estimate: float


class Screened(Plain):
    """A screened search: how many effects were measured, and what speaks for its top set (interp.analysis.screening)."""

    n_top: int
    n_candidates: int
    n_audited: int
    n_effects: int
    bound: float | None
    """Metric units."""
    shortfall: float | None
    missed_at_most: float | None
    confidence: float
    agreement: Agreement
    top: list[ScreenedEdge]


class EdgePatchingFindings(OurFindings):
    """Nothing of its own, or what a screened search found."""

    screen: Screened | None = None
