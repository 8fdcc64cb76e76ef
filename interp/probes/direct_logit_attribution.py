"""Probe `direct_logit_attribution`: what each component writes straight into the answer's logit."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from interp.analysis.findings import DirectFindings, Findings
from interp.analysis.shapes import Shape
from interp.configs.lazy import lazy
from interp.probes.base import Observation, Reading, probes
from interp.words.tense import Tense

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Study
else:
    pd = lazy("pandas")


@probes.register
class DirectLogitAttribution(Observation):
    """Direct contribution of heads and MLPs to the metric, final normalisation held fixed."""

    shapes: ClassVar[frozenset[Shape] | None] = frozenset({"layer x head", "layer curve"})
    findings: ClassVar[type[Findings]] = DirectFindings
    cites: ClassVar[tuple[str, ...]] = ("elhage2021framework",)
    kind: Literal["direct_logit_attribution"] = "direct_logit_attribution"

    def method(self, it: Tense) -> str:
        """It only looks."""
        return (
            f"What every head and MLP writes straight into the metric {it.is_} read {self.on_prompts}, with the final "
            "normalisation held fixed (direct logit attribution)."
        )

    def run(self, study: Study) -> pd.DataFrame:
        """Rows for the embedding, every head, every MLP and the biases; they add up to the metric."""
        return study.direct_logit_attribution(self.where(study))

    def check(self, study: Study) -> None:
        """The contributions add up for a metric that is linear in the logits only."""
        study.need_linear_metric()

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> DirectFindings:
        """The mean of each part's sum, and the largest error of the sum against the metric itself."""
        total = effects.groupby("prompt")["effect"].sum()
        # normalised = effect / gap, so the clean metric is not in these rows: read it from the study.
        clean = pd.concat([study.clean_metric(selection) for selection in self.where(study)])
        means = effects.groupby("part")["effect"].sum().div(effects["prompt"].nunique())
        return DirectFindings(
            kind=self.kind,
            parts={str(part): float(mean) for part, mean in means.items()},
            max_abs_error=float((total - clean).abs().max()),
        )
