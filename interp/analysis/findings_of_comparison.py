"""What comparison.json says of models on the same prompts (docs/tables.md); of every two, the first is the reference."""

from __future__ import annotations

from interp.analysis.circuits import Direction
from interp.analysis.findings import MeanFound, Plain
from interp.analysis.findings_of_edges import EdgeCount, Wordings
from interp.analysis.findings_of_heads import HeadCount
from interp.analysis.findings_of_nodes import NodeCount
from interp.analysis.findings_of_run import TrainedFound

VERSION = 2
"""Raised when a reader of comparison.json would have to change."""


class PairedFound(Plain):
    """A mean of both models and the mean difference, second minus first, over the same prompts."""

    first: MeanFound
    second: MeanFound
    difference: MeanFound


class RatioFound(Plain):
    """first / second, counts; null where it is undefined or has no bound."""

    value: float | None
    low: float | None
    high: float | None


class TargetCounts(Plain):
    """How many of both models are needed for a share; null: never."""

    target: float
    first: int | float | None
    second: int | float | None


class HeadsCompared(Plain):
    """Heads needed by one definition of a share."""

    first: HeadCount
    second: HeadCount
    ratio: RatioFound
    by_target: list[TargetCounts]
    """For every share; of `joint` alone."""


class HeadsByDefinition(Plain):
    """Heads needed in every definition and order, on held-out word pairs."""

    n_candidates: tuple[int, int]
    orders: tuple[dict[str, int | None], dict[str, int | None]]
    joint: HeadsCompared
    absolute: HeadsCompared
    net: HeadsCompared

    def of(self, definition: str) -> HeadsCompared:
        """The entry of a definition, by its name."""
        entries: dict[str, HeadsCompared] = dict(self)
        return entries[definition]


class EdgesCompared(Plain):
    """Edges needed in one direction."""

    first: EdgeCount
    second: EdgeCount
    ratio: RatioFound
    by_target: list[TargetCounts]


class NodesCompared(Plain):
    """Heads (and MLPs) needed in one direction."""

    first: NodeCount
    second: NodeCount
    ratio: RatioFound
    by_target: list[TargetCounts]


class CircuitsCompared(Plain):
    """How the circuits that explain the target were searched, in both models alike."""

    explained: float
    n_candidates: tuple[int, int]
    n_prompts: int
    n_pairs: int
    seeds: int
    wordings: Wordings
    order: tuple[str, str]


class EdgesBothWays(CircuitsCompared):
    """Edges of the circuits that explain the target, in both directions."""

    sufficient: EdgesCompared
    necessary: EdgesCompared

    def of(self, direction: Direction) -> EdgesCompared:
        """That of one direction."""
        return self.sufficient if direction == "sufficient" else self.necessary

    @property
    def noun(self) -> str:
        """What these circuits are made of."""
        return "edges"


class NodesBothWays(CircuitsCompared):
    """Heads (and MLPs) of the circuits that explain the target, in both directions."""

    candidates: str
    ablation: str
    sufficient: NodesCompared
    necessary: NodesCompared

    def of(self, direction: Direction) -> NodesCompared:
        """That of one direction."""
        return self.sufficient if direction == "sufficient" else self.necessary

    @property
    def noun(self) -> str:
        """What these circuits are made of."""
        return "heads" if self.candidates == "heads" else "heads and MLPs"


class MeansCompared(Plain):
    """Means over the prompts that both models answer, in metric units; `answer_prob` is a probability."""

    clean_metric: PairedFound
    gap: PairedFound
    answer_prob: PairedFound
    key_query_effect: PairedFound | None


class Ability(Plain):
    """Both models on every candidate, before any filter: shares of right answers, the answer's log-probability in nats."""

    n_asked: int
    gates: tuple[dict[str, int] | None, dict[str, int] | None]
    """What the gates of sparse models do on the prompts that are used."""
    accuracy: PairedFound
    log_prob: PairedFound


class WordingAbility(Ability):
    """The same in one wording."""

    template: str
    n_prompts: int
    n_tokens: int | None


class AbilityFound(Ability):
    """The same over all wordings, and in each."""

    wordings: list[WordingAbility]


class SpanFound(Plain):
    """The layers in which a token group is at work; of the output, only the last."""

    group: str
    output: bool
    first: int | None
    last: int | None
    layers: list[int]


class OpenEdges(Plain):
    """Edges of the focus prompt with a weight above 0, and all of its causal edges."""

    open: int
    causal: int

    @property
    def share(self) -> float:
        """Of the causal edges."""
        return self.open / self.causal


class PairFindings(Plain):
    """A model against its reference, which is named first."""

    labels: tuple[str, str]
    names: tuple[str, str]
    n_layers: tuple[int, int]
    alike: bool
    """Whether both have the same number of layers and heads, so that L3-H5 is one place in both."""
    other_tokens: int
    """Prompts that the two models read as other tokens."""
    ability: AbilityFound
    trained: tuple[TrainedFound | None, TrainedFound | None]
    means: MeansCompared
    heads: HeadsByDefinition | None
    edges: EdgesBothWays | None
    """Null where the probe was not asked for."""
    nodes: NodesBothWays | None = None
    """Likewise."""
    selected: tuple[list[str], list[str]]
    """The heads that each model needs."""
    shared: list[str]
    """Those of the first that the second needs, too; none where the models are not alike."""
    spans: tuple[list[SpanFound], list[SpanFound]]
    open_edges: tuple[OpenEdges | None, OpenEdges | None]


class ComparisonFindings(Plain):
    """comparison.json: the last model against each of the others."""

    schema_version: int = VERSION
    labels: list[str]
    pairs: list[PairFindings]
