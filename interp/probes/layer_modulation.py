"""Probe `layer_modulation`: how much of the key->query effect the selected heads have carried below each layer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from interp.analysis.findings import EstimateFound, Findings, LayerModulationFindings
from interp.analysis.findings_of_heads import HeadFindings
from interp.analysis.modulation import modulation_curve
from interp.analysis.shapes import Shape
from interp.errors import UserError
from interp.interventions.edits import Variant
from interp.probes.base import Probe, Reading, by_prompt, clusters_of, parse_head, probes
from interp.probes.key_query_heads import KeyQueryHeads
from interp.results.effects_file import stacked
from interp.words.tense import Tense

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Selection, Study


@probes.register
class LayerModulation(Probe):
    """The share of the key->query effect that the selected heads carry in blocks below each layer."""

    shapes: ClassVar[frozenset[Shape] | None] = frozenset({"layer curve"})
    findings: ClassVar[type[Findings]] = LayerModulationFindings
    kind: Literal["layer_modulation"] = "layer_modulation"
    heads_from: str = Field(
        default="key_query_heads", description="Label of the key_query_heads probe, earlier in the list, that selects."
    )

    def method(self, it: Tense) -> str:
        """Layer by layer, the selected heads below it."""
        return (
            f"By layer, the share of the key→query effect {it.is_} measured that is left when only those heads that "
            f"{self.heads_from} selects, and of these only the ones in blocks below the layer, keep their edge."
        )

    def run(self, study: Study) -> pd.DataFrame:
        """For every layer: the selected heads' edges kept in the blocks below it, every other edge replaced.

        Each word pair is measured with the heads that the other half of the word pairs selected.
        """
        search = self._search(study)
        edges, selection = search.edges(study), self._verdict(study)
        second = set(selection.halves.second)
        frames = []
        for number, labels in enumerate(selection.halves.heads[selection.definition]):
            selected = {parse_head(label) for label in labels}
            variants = [
                Variant(
                    tuple(edge for edge in edges if (edge.layer, edge.head) not in selected or edge.layer >= layer),
                    part="modulation",
                    layer=layer,
                )
                for layer in range(study.sizes.n_layers + 1)
            ]
            others = [_rows(wording, second, inside=number == 0) for wording in search.where(study)]
            frames.append(study.measure(variants, [other for other in others if other.rows]))
        return stacked(frames)

    def check(self, study: Study) -> None:
        """The search that selects must be one."""
        if not isinstance(study.probes.get(self.heads_from), KeyQueryHeads):
            raise UserError(f"heads_from {self.heads_from!r} is no key_query_heads probe")

    def passes(self, study: Study) -> int:
        """One pass a layer."""
        search = study.probes.get(self.heads_from)
        return (study.sizes.n_layers + 1) * search.n_prompts(study) if isinstance(search, KeyQueryHeads) else 0

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> LayerModulationFindings:
        """The curve over layers 0 to n_layers with its band, its end, and the layers where it rises most."""
        boot = reading.bootstrap(clusters_of(effects), self.label)
        below = by_prompt(effects, ["layer"]).to_numpy()
        everything = by_prompt(effects, ["layer"], "baseline").to_numpy()[:, 0]
        modulation = modulation_curve(below, everything, boot)
        return LayerModulationFindings(
            kind=self.kind,
            heads_from=self.heads_from,
            heads=[head.label for head in self._verdict(study).shares.of(reading.share_definition).heads],
            target=reading.share_target,
            definition=reading.share_definition,
            curve=modulation.points,
            final=EstimateFound.of(modulation.curve[-1]),
            steps=modulation.steps,
        )

    def _verdict(self, study: Study) -> HeadFindings:
        findings = study.findings[self.heads_from]
        assert isinstance(findings, HeadFindings)  # a key_query_heads probe's, as `_search` has seen
        return findings

    def _search(self, study: Study) -> KeyQueryHeads:
        search = study.probes.get(self.heads_from)
        if not isinstance(search, KeyQueryHeads) or self.heads_from not in study.findings:
            raise UserError(
                f"probe {self.label!r}: heads_from {self.heads_from!r} is no key_query_heads probe that stands before it"
            )
        return search


def _rows(selection: Selection, pairs: set[str], inside: bool) -> Selection:
    """The rows of a selection whose word pair is, or is not, among `pairs`."""
    rows = tuple(row for row in selection.rows if (selection.prompts.pairs[row].pair in pairs) == inside)
    return replace(selection, rows=rows)
