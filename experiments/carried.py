"""Sentences about edges of the residual graph: which heads carry what one token holds to another, patterns frozen."""

from __future__ import annotations

from collections.abc import Iterable

from interp.analysis.findings import EstimateFound
from interp.analysis.findings_of_carried import CarriedFindings
from interp.analysis.findings_of_run import RunFindings
from interp.words.numbers import bracket, estimate
from interp.words.phrases import percent, plural


def carried_sentences(every: Iterable[CarriedFindings], run: RunFindings) -> list[str]:
    """How much arrives along frozen patterns, and over which heads."""
    return [sentence for found in every for sentence in (_whole(found, run), _heads(found))]


def _whole(found: CarriedFindings, run: RunFindings) -> str:
    largest = sorted(found.origins, key=lambda one: -abs(one.carried.mean))[:3]
    begun = ", ".join(f"{one.origin} {estimate(one.carried)}" for one in largest)
    return (
        f"With attention patterns frozen and MLPs silent on the way, what the nodes of {found.begin} hold of the difference "
        f"brings {estimate(found.whole)} {run.metric.unit} to {found.to}, {_share(found.of_gap)} of the clean–corrupted gap "
        f"({plural(found.n_prompts, 'prompt')}); the rest goes by changed patterns, or through MLPs at other tokens. Among the "
        f"nodes where it starts are {begun}. Roads with a single head "
        f"bring {_share(found.single)} of it."
    )


def _heads(found: CarriedFindings) -> str:
    listed = ", ".join(f"{one.label} {_share(one.share)}" for one in found.heads[:5])
    return (
        f"Exact shares of heads in that, a road of n heads giving each of them an n-th: {listed}. A negative share "
        "works against the answer."
    )


def _share(found: EstimateFound) -> str:
    return f"{percent(found.mean)}{bracket(found.low, found.high, percent)}"
