"""Probe `first_token_cut`: what every head's look at the first token is worth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from interp.analysis.findings import Findings
from interp.interventions import Edit, Variant
from interp.probes import Probe, Reading, probes

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Study


class FirstTokenFindings(Findings):
    """What `first_token_cut` concludes."""

    strongest: str
    """The head whose look at the first token is worth most."""


@probes.register
class FirstTokenCut(Probe):
    """Cut every head's edge from the first token to the query."""

    shapes: ClassVar[frozenset[str] | None] = frozenset({"layer x head"})
    findings: ClassVar[type[Findings]] = FirstTokenFindings
    kind: Literal["first_token_cut"] = "first_token_cut"
    source: Literal["zero", "mean", "corrupted"] = "zero"

    def variants(self, study: Study) -> Iterable[Variant]:
        """One variant a head."""
        for layer in range(study.sizes.n_layers):
            for head in range(study.sizes.n_heads):
                yield Variant.of(Edit("edge", layer, head, query="query", key=1, source=self.source))

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> FirstTokenFindings:
        """For metrics.json; leave it out where the table says all."""
        means = effects.groupby(["layer", "head"])["effect"].mean()
        layer, head = means.abs().idxmax()
        return FirstTokenFindings(kind=self.kind, strongest=f"L{layer}-H{head}")
