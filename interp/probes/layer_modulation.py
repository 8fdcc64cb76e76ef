"""Probe `layer_modulation`: how much of the key->query effect the selected heads have carried below each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from interp.analysis.modulation import modulation_curve
from interp.errors import UserError
from interp.interventions.edits import Variant
from interp.lazy import lazy
from interp.probes.base import Probe, Reading, by_prompt, clusters_of, probes
from interp.probes.key_query_heads import KeyQueryHeads

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Study
else:
    pd = lazy("pandas")


@probes.register
class LayerModulation(Probe):
    """The share of the key->query effect that the selected heads carry in blocks below each layer."""

    kind: Literal["layer_modulation"] = "layer_modulation"
    heads_from: str = Field(
        default="key_query_heads", description="Label of the key_query_heads probe, earlier in the list, that selects."
    )

    def run(self, study: Study) -> pd.DataFrame:
        """For every layer: the selected heads' edges kept in the blocks below it, every other edge cut."""
        search, selected = self._search(study), self._selected(study)
        edges = search.edges(study)
        variants = [
            Variant(
                tuple(edge for edge in edges if (edge.layer, edge.head) not in selected or edge.layer >= layer),
                part="modulation",
                layer=layer,
            )
            for layer in range(study.sizes.n_layers + 1)
        ]
        return study.measure(variants, search.where(study))

    def check(self, study: Study) -> None:
        """The search that selects must be one."""
        if not isinstance(study.probes.get(self.heads_from), KeyQueryHeads):
            raise UserError(f"heads_from {self.heads_from!r} is no key_query_heads probe")

    def passes(self, study: Study) -> int:
        """One pass a layer."""
        search = study.probes.get(self.heads_from)
        return 0 if search is None else (study.sizes.n_layers + 1) * search.n_prompts(study)

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> dict[str, Any]:
        """The curve over layers 0 to n_layers with its band, its end, and the layers where it rises most."""
        boot = reading.bootstrap(clusters_of(effects), self.label)
        below = by_prompt(effects, ["layer"]).to_numpy()
        everything = by_prompt(effects, ["layer"], "baseline").to_numpy()[:, 0]
        heads = study.findings[self.heads_from]["shares"][reading.share_definition]["heads"]
        return {
            "heads_from": self.heads_from,
            "heads": [head["label"] for head in heads],
            "target": reading.share_target,
            "definition": reading.share_definition,
            **modulation_curve(below, everything, boot).as_dict(),
        }

    def _search(self, study: Study) -> KeyQueryHeads:
        search = study.probes.get(self.heads_from)
        if not isinstance(search, KeyQueryHeads) or self.heads_from not in study.findings:
            raise UserError(
                f"probe {self.label!r}: heads_from {self.heads_from!r} is no key_query_heads probe that stands before it"
            )
        return search

    def _selected(self, study: Study) -> set[tuple[int, int]]:
        found = study.findings[self.heads_from]
        heads = found["shares"][found["definition"]]["heads"]
        return {(head["layer"], head["head"]) for head in heads}
