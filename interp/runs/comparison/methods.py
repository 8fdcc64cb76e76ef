"""A comparison in words, before it runs."""

from __future__ import annotations

from interp.report.methods import Methods
from interp.runs.circuit.methods import before
from interp.runs.comparison.config import ComparisonConfig


def explain(settings: ComparisonConfig) -> Methods:
    """For `interp explain`."""
    told = before(settings, settings.models)
    *others, last = settings.models
    paired = (
        f"The models are asked the same prompts, those that all of them keep; {last} is compared with {' and with '.join(others)}, "
        "prompt by prompt, and the intervals of their ratios and differences are paired."
    )
    return Methods([told.paragraphs[0], paired, *told.paragraphs[1:]], told.citations)
