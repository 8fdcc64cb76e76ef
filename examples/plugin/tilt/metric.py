"""Metric `half_difference`: half the logit difference of answer and foil."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from interp.metrics import Metric, Readout, metrics

if TYPE_CHECKING:
    import torch


@metrics.register
class HalfDifference(Metric):
    """Half the logit of the answer minus half that of the foil."""

    kind: Literal["half_difference"] = "half_difference"
    unit: ClassVar[str] = "half logits"
    words: ClassVar[str] = "half the logit difference of answer and foil"
    # Contributions to the logits add up to it with these weights; leave it out for a metric that is no such sum.
    logit_weights: ClassVar[tuple[float, float] | None] = (0.5, -0.5)

    def __call__(self, out: Readout) -> torch.Tensor:
        """One number a row."""
        return (out.logits_of(out.answer) - out.logits_of(out.foil)) / 2
