"""What a search for the circuit of attention edges concludes (interp.analysis.circuits says what the curves are)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from pydantic import ConfigDict

from interp.analysis.circuits import Direction
from interp.analysis.findings import CurvePoint, MeanFound, OurFindings, Plain

T = TypeVar("T")


class Directions(Plain, Generic[T]):
    """Both directions: the best n edges keep their value, or they alone are replaced."""

    model_config = ConfigDict(
        json_schema_extra={
            "description": "Both directions: the best n edges keep their value, or they alone are replaced."
        }
    )  # pydantic forgets it where T is filled in

    sufficient: T
    necessary: T

    def of(self, direction: Direction) -> T:
        """That of one direction."""
        return self.sufficient if direction == "sufficient" else self.necessary


def both_ways(of: Callable[[Direction], T]) -> Directions[T]:
    """What `of` gives for each direction."""
    return Directions(sufficient=of("sufficient"), necessary=of("necessary"))


class EdgeCount(Plain):
    """Edges needed, read off the interpolated curve, with the interval; the heads that so many edges belong to."""

    edges: float | None
    low: float | None
    high: float | None
    heads: float | None

    @property
    def n(self) -> float | None:
        """The edges."""
        return self.edges


class PlainCurve(Plain):
    """One order's curve without a band, and how many edges (or heads) it needs by target."""

    curve: list[CurvePoint]
    needed: dict[str, float | None]


class Wordings(Plain):
    """The wording that ranked the candidates, and those that were measured."""

    ranked: str
    measured: list[str]
    held_out: bool


class EdgeTotal(Plain):
    """The metric with all candidates, with none, and the difference."""

    all: MeanFound
    none: MeanFound
    effect: MeanFound


class EdgeFound(Plain):
    """An edge: its head, and its positions from 1."""

    label: str
    key: int
    query: int


class RandomCircuits(Plain):
    """Random sets of the found set's size, on one prompt of every word pair: shares that they explain."""

    n: int
    """Candidates in each: the first number that was run at which the found set explains enough."""
    sets: int
    chosen: float | None
    """The found set's share."""
    median: float | None
    high: float | None
    """The share that 95 % of the random sets do not pass: their largest depends on the draw."""


class CountFound(Plain):
    """Candidates needed, with the interval."""

    n: float | None
    low: float | None
    high: float | None


class NonsenseCircuit(Plain):
    """The same search where the prompts are asked for arbitrary answers."""

    total: MeanFound
    """What all candidates together do to the arbitrary answers, in units of the metric."""
    of_real: CurvePoint
    """The same, as a share of what they do to the real ones."""
    defined: bool
    """Whether there is an effect to share out: the interval of the total does not hold 0."""
    needed: Directions[CountFound] | None
    """Candidates needed for the same share of the arbitrary effect; null where there is none to share out."""
    curves: Directions[list[CurvePoint]]
    """What the best n move, as a share of the real effect."""


class CircuitFindings(OurFindings):
    """What every circuit search concludes, whatever its circuits are made of."""

    ablation: str
    order: str
    explained: float
    n_candidates: int
    n_ranked: int
    n_prompts: int
    n_pairs: int
    seeds: int
    wordings: Wordings
    total: EdgeTotal
    curves: Directions[list[CurvePoint]]
    orders: dict[str, Directions[PlainCurve]]
    resampled: Directions[list[float | None]]
    """How many are needed in every resample, for paired comparisons."""
    random: Directions[RandomCircuits | None] | None = None
    """Null where it was not asked for, or where no number of the best is enough."""
    nonsense: NonsenseCircuit | None = None
    """Null where it was not asked for, or where the metric reads no answers."""


class EdgeFindings(CircuitFindings):
    """The verdict of an `attention_edges` probe."""

    needed: Directions[dict[str, EdgeCount]]
    """By target, as text such as `0.9`."""
    first: list[list[EdgeFound]]
    """The first edges of each half's order."""
