"""A metric on prompts, edited or not: metrics that read several tokens are summed over them (interp.prompts.continuations)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor

from interp.interventions.attribution import estimate
from interp.interventions.edits import Run, Variant
from interp.interventions.engine import Engine, Progress
from interp.metrics import Metric
from interp.prompts.continuations import continuations
from interp.prompts.pairs import PromptSet

SIGN = {"answer": 1.0, "foil": -1.0}


def read_metric(
    engine: Engine, prompts: PromptSet, metric: Metric, run: Run, rows: Sequence[int] | None = None
) -> Float[Tensor, " prompt"]:
    """The metric on an unedited run."""
    return _summed(prompts, metric, rows, lambda part: engine.read(part, metric, run, rows))


def measure_metric(
    engine: Engine,
    variants: Sequence[Variant],
    prompts: PromptSet,
    metric: Metric,
    rows: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Float[Tensor, "variant prompt"]:
    """The metric of every variant on every prompt (or on those in `rows`), exactly."""
    return _summed(prompts, metric, rows, lambda part: engine.measure(variants, part, metric, rows, progress))


def estimate_metric(
    engine: Engine, variants: Sequence[Variant], prompts: PromptSet, metric: Metric, rows: Sequence[int] | None = None
) -> Float[Tensor, "variant prompt"]:
    """The same by a gradient."""
    return _summed(prompts, metric, rows, lambda part: estimate(engine, variants, part, metric, rows))


def several_tokens(prompts: PromptSet, metric: Metric) -> bool:
    """Whether the metric reads more than the one token after the query on these prompts."""
    return "foil" in metric.sums_over or any(
        len(tokens) > 1 for which in metric.sums_over for tokens in _first(prompts, which)
    )


def _first(prompts: PromptSet, which: str) -> list[tuple[int, ...]]:
    return [answers[0] for answers in (prompts.right if which == "answer" else prompts.wrong)]


def _summed(
    prompts: PromptSet, metric: Metric, rows: Sequence[int] | None, value: Callable[[PromptSet], Tensor]
) -> Tensor:
    if not several_tokens(prompts, metric):
        return value(prompts)
    parts = []
    for which in metric.sums_over:
        for part in continuations(prompts, which):
            counts = part.counts if rows is None else part.counts[list(rows)]
            parts.append(SIGN[which] * counts * value(part.prompts))
    return sum(parts[1:], parts[0])
