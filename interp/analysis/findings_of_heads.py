"""What a search for heads concludes (docs/definitions.md); shares and counts are held-out ones where nothing else is said."""

from __future__ import annotations

from interp.analysis.findings import Crossing, CurvePoint, EstimateFound, MeanFound, OurFindings, Plain

Count = int | None


class HeadFound(Plain):
    """A head: what its edge alone carries (metric units), whether it passes the false-discovery rate, whether it is named."""

    label: str
    layer: int
    head: int
    carried: MeanFound
    discovered: bool
    named: bool


class HeadCount(Plain):
    """How many heads a definition of a share needs for the target, and what they carry; null where it is not reached."""

    n: Count
    n_low: Count
    n_high: Count
    share: float | None
    share_low: float | None
    share_high: float | None
    fresh_low: float | None = None
    """The interval of another sample of as many word pairs; of `joint` alone."""
    fresh_high: float | None = None


class ShareFound(HeadCount):
    """The same, and which heads they are."""

    heads: list[HeadFound]

    @property
    def count(self) -> HeadCount:
        """Without the heads."""
        return HeadCount(**{name: value for name, value in self if name in self.model_fields_set - {"heads"}})


class ByDefinition(Plain):
    """One entry a definition of a share."""

    joint: ShareFound
    absolute: ShareFound
    net: ShareFound

    def of(self, definition: str) -> ShareFound:
        """The entry of a definition, by its name."""
        entries: dict[str, ShareFound] = dict(self)
        return entries[definition]


class Resampled(Plain):
    """Heads needed in every resample, for paired comparisons."""

    joint: list[Count]
    absolute: list[Count]
    net: list[Count]

    def of(self, definition: str) -> list[Count]:
        """Those of a definition, by its name."""
        entries: dict[str, list[Count]] = dict(self)
        return entries[definition]


class CountedCrossing(Crossing):
    """A crossing with the intervals of both numbers."""

    first_low: Count
    first_high: Count
    low: Count
    high: Count


class Sums(Plain):
    """Sums of single effects, in metric units: of their sizes, and with their signs."""

    absolute: float | None
    net: float | None


class TotalFound(Plain):
    """The metric with all edges, with none, and the difference; the difference as a part of the clean-corrupted gap."""

    all: MeanFound
    none: MeanFound
    effect: MeanFound
    of_gap: EstimateFound
    sums: Sums


class HalvesFound(Plain):
    """The heads that each half puts first, by definition; the word pairs of the second half; heads that both put first."""

    heads: dict[str, list[list[str]]]
    second: list[str]
    shared: int


class OrderFound(Plain):
    """The curve of one order of heads, and its set."""

    curve: list[CurvePoint]
    crossings: list[Crossing]
    n: Count
    heads: list[str]


class InSample(Plain):
    """The curve on the prompts that chose the heads; `optimism` is by how much it lies above the held-out one."""

    n: Count
    share: float | None
    optimism: float | None
    curve: list[CurvePoint]


class Without(Plain):
    """The share of the whole set, and of the set without one head."""

    label: str
    share: float | None
    without: float | None


class Matter(Plain):
    """Heads that are named for and against the answer, and those that are not (docs/definitions.md, Heads that matter)."""

    rate: float
    least_effect: float
    """Metric units."""
    n_for: int
    n_against: int
    n_too_small: int
    n_undecided: int


class Beside(Plain):
    """The same search with another replacement, or for other answers."""

    n_prompts: int
    total: MeanFound
    crossings: list[Crossing]
    n: Count


class Band(Plain):
    """Shares of random sets of one size: 2.5 %, median, 97.5 %."""

    n: int
    sets: int
    low: float
    median: float
    high: float


class RandomSets(Plain):
    """The found set beside random ones of its size."""

    n: int
    sets: int
    chosen: float | None
    percentile: float
    largest: float | None
    bands: list[Band]

    @property
    def band(self) -> Band:
        """That of sets of the found set's size."""
        return next(band for band in self.bands if band.n == self.n)


class Nonsense(Beside):
    """The same search when every prompt is asked for another's answer; `of_real` and `curve` are parts of the real total."""

    defined: bool
    n_in_sample: Count
    of_real: EstimateFound
    curve: list[CurvePoint]

    def at(self, n: int) -> CurvePoint:
        """The share with n heads; n is one of the curve's."""
        return next(point for point in self.curve if point.n == n)


class Controls(Plain):
    """What the found set is held against; null where it was not asked for."""

    random: RandomSets | None
    nonsense: Nonsense | None


class ShapleyValue(Plain):
    """A head's share of the total, averaged over orders, with its standard error, in metric units."""

    label: str
    n_heads: int
    value: float | None
    error: float | None


class HeadFindings(OurFindings):
    """The verdict of a `key_query_heads` probe."""

    ablation: str
    screen: int
    max_heads: int
    defined: bool
    """Whether all edges together have an effect: shares of nothing say nothing."""
    target: float
    definition: str
    order: str
    n_candidates: int
    interval_method: str
    halves: HalvesFound
    total: TotalFound
    shares: ByDefinition
    resampled: Resampled
    crossings: list[CountedCrossing]
    curve: list[CurvePoint]
    orders: dict[str, OrderFound]
    in_sample: InSample
    without: list[Without]
    ranking: list[HeadFound]
    matter: Matter
    beside: dict[str, Beside]
    controls: Controls
    shapley: list[ShapleyValue] | None

    @property
    def share(self) -> ShareFound:
        """That of the definition in use."""
        return self.shares.of(self.definition)
