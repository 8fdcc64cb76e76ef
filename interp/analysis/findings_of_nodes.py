"""What a search for the circuit of whole heads and MLPs concludes (interp.analysis.circuits says what the curves are)."""

from __future__ import annotations

from interp.analysis.findings import CurvePoint, OurFindings, Plain
from interp.analysis.findings_of_edges import Directions, EdgeTotal, PlainCurve, Wordings


class NodeCount(Plain):
    """Heads and MLPs needed, read off the interpolated curve, with the interval; how many of them are MLPs."""

    n: float | None
    low: float | None
    high: float | None
    mlps: float | None


class NodeFindings(OurFindings):
    """The verdict of a `circuit_nodes` probe."""

    ablation: str
    candidates: str
    """heads, or heads and MLPs."""
    order: str
    explained: float
    n_candidates: int
    n_ranked: int
    n_prompts: int
    n_pairs: int
    seeds: int
    wordings: Wordings
    total: EdgeTotal
    needed: Directions[dict[str, NodeCount]]
    """By target, as text such as `0.9`."""
    curves: Directions[list[CurvePoint]]
    orders: dict[str, Directions[PlainCurve]]
    resampled: Directions[list[float | None]]
    """Nodes needed in every resample, for paired comparisons."""
    first: list[list[str]]
    """The first nodes of each half's order: `L9-H1`, or `L3-MLP`."""
