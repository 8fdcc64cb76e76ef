"""Probe `logit_lens`: the metric read from the residual stream at the query position, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from interp.analysis.shapes import Shape
from interp.configs.lazy import lazy
from interp.probes.base import Observation, probes
from interp.words.tense import Tense

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Study
else:
    pd = lazy("pandas")


@probes.register
class LogitLens(Observation):
    """The metric read from the residual stream before every block and at the output."""

    shapes: ClassVar[frozenset[Shape] | None] = frozenset({"layer curve"})
    cites: ClassVar[tuple[str, ...]] = ("nostalgebraist2020lens",)
    kind: Literal["logit_lens"] = "logit_lens"

    def method(self, it: Tense) -> str:
        """It only looks."""
        return (
            f"The metric {it.is_} read from the residual stream at the query position before every block, through the final "
            f"normalisation and the unembedding (logit lens), {self.on_prompts}."
        )

    def run(self, study: Study) -> pd.DataFrame:
        """Rows for layers 0 to n_layers; the last is the model's own output."""
        return study.logit_lens(self.where(study))
