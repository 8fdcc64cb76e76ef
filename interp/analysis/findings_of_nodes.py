"""What a search for the circuit of whole heads and MLPs concludes (interp.analysis.circuits says what the curves are)."""

from __future__ import annotations

from interp.analysis.findings import Plain
from interp.analysis.findings_of_edges import CircuitFindings, Directions


class NodeCount(Plain):
    """Heads and MLPs needed, read off the interpolated curve, with the interval; how many of them are MLPs."""

    n: float | None
    low: float | None
    high: float | None
    mlps: float | None


class NodeFindings(CircuitFindings):
    """The verdict of a `circuit_nodes` probe."""

    candidates: str
    """heads, or heads and MLPs."""
    needed: Directions[dict[str, NodeCount]]
    """By target, as text such as `0.9`."""
    first: list[list[str]]
    """The first nodes of each half's order: `L9-H1`, or `L3-MLP`."""
