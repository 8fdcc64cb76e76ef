"""Probe `attribution_patching`: a gradient estimate of another probe's effects, in the same table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from interp.analysis.agreement import agreement
from interp.analysis.findings import AttributionFindings, Findings
from interp.configs.lazy import lazy
from interp.configs.registry import nearest
from interp.errors import UserError
from interp.interventions.edits import Variant
from interp.probes.base import Probe, Reading, probes
from interp.words.tense import Tense

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Selection, Study
else:
    pd = lazy("pandas")


SAME = ["part", "base", "source", "site", "layer", "head", "query_label", "key_label", "group", "prompt"]


@probes.register
class AttributionPatching(Probe):
    """First-order estimate, from one backward pass, of every effect that another probe of the run measures exactly."""

    findings: ClassVar[type[Findings]] = AttributionFindings
    cites: ClassVar[tuple[str, ...]] = ("syed2023attribution",)
    kind: Literal["attribution_patching"] = "attribution_patching"
    of: str = Field(description="Label of the probe whose variants are estimated.")
    top_k: int = Field(default=10, ge=1, le=1_000_000, description="Size of the top lists whose overlap is reported.")

    def method(self, it: Tense) -> str:
        """The estimate, and what it is held against."""
        return (
            f"Every effect of {self.of} {it.is_} estimated to first order from one backward pass (attribution patching) "
            f"and held against the exact effects, by correlation and by the overlap of the {self.top_k} largest."
        )

    def where(self, study: Study) -> list[Selection]:
        """The prompts of the probe that is estimated."""
        return self._exact(study).where(study)

    def variants(self, study: Study) -> Iterable[Variant]:
        """Those of the probe that is estimated."""
        return self._exact(study).variants(study)

    def check(self, study: Study) -> None:
        """As every probe; and there must be something to estimate from."""
        super().check(study)
        study.must_have_a_slope(self.variants(study))

    def run(self, study: Study) -> pd.DataFrame:
        """The estimates, with the labels of the exact effects."""
        return study.measure(self.variants(study), self.where(study), method="attribution")

    def passes(self, study: Study) -> int:
        """One forward and one backward pass a prompt."""
        return 2 * self.n_prompts(study)

    def n_rows(self, study: Study) -> int:
        """One a variant and prompt."""
        return sum(1 for _ in self.variants(study)) * self.n_prompts(study)

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> AttributionFindings:
        """Agreement of the mean estimate with the mean exact effect, variant by variant."""
        if self.of not in study.tables:
            return AttributionFindings(kind=self.kind, of=self.of)
        cells = SAME[:-1]
        exact = study.tables[self.of].groupby(cells, dropna=False, sort=False)["effect"].mean()
        estimated = effects.groupby(cells, dropna=False, sort=False)["effect"].mean()
        both = pd.concat({"exact": exact, "estimated": estimated}, axis=1, join="inner")
        agreed = agreement(both["exact"].to_numpy(), both["estimated"].to_numpy(), self.top_k)
        return AttributionFindings(
            kind=self.kind,
            of=self.of,
            pearson=agreed.pearson,
            spearman=agreed.spearman,
            top_k=agreed.top_k,
            overlap=agreed.overlap,
            n_variants=agreed.n_variants,
        )

    def _exact(self, study: Study) -> Probe:
        found = study.probes.get(self.of)
        if not isinstance(found, Probe):
            raise UserError(
                f"probe {self.label!r}: `of` names no probe of this run: {self.of!r}; {nearest(self.of, study.probes)}"
            )
        return found
