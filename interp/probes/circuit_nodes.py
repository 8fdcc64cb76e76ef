"""Probe `circuit_nodes`: the circuit of whole heads (and MLPs) that carries the answer.

A node is a head's output, or an MLP's, at all positions; one that is not kept has its value of the corrupted run (or the
mean over the prompts of its wording). This is the count of most circuit papers (Wang et al., arXiv 2211.00593; Conmy et
al., arXiv 2304.14997). Nodes are ranked on one half of the word pairs in the first half of the wordings, the focus
prompt's among them, and measured on the other half of the word pairs in the other wordings where there are several; both
ways round for the word pairs, for several seeds of their halves.

Orders: *exact*, by the effect of replacing a node alone; *reranked*, where the nodes of least effect are removed, the others
are measured anew in the model that is left, and so on. Both are exact runs; no gradient is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from interp.analysis.circuits import Direction
from interp.analysis.findings import Findings
from interp.analysis.findings_of_edges import both_ways
from interp.analysis.findings_of_nodes import NodeCount, NodeFindings
from interp.analysis.halves import too_few
from interp.analysis.shapes import Shape
from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.interventions.edits import Edit, Variant
from interp.probes.base import Reading, by_prompt, head_label, heads_of, probes
from interp.probes.circuit_probe import CircuitProbe
from interp.words.phrases import ablation_text, percent, plural
from interp.words.tense import Tense

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Selection, Study
    from interp.probes import circuit_controls, circuit_question, circuit_search, circuit_verdict
else:
    pd = lazy("pandas")
    circuit_controls = lazy("interp.probes.circuit_controls")
    circuit_question = lazy("interp.probes.circuit_question")
    circuit_search = lazy("interp.probes.circuit_search")
    circuit_verdict = lazy("interp.probes.circuit_verdict")

NodeOrder = Literal["exact", "reranked"]


@probes.register
class CircuitNodes(CircuitProbe):
    """The heads (and MLPs) that are enough for, and needed by, a share of what all of them do."""

    shapes: ClassVar[frozenset[Shape] | None] = frozenset({"layer x head", "layer curve", "kept curve"})
    findings: ClassVar[type[Findings]] = NodeFindings
    cites: ClassVar[tuple[str, ...]] = ("wang2022interpretability", "conmy2023towards")
    reduces_exactly: ClassVar[bool] = True
    kind: Literal["circuit_nodes"] = "circuit_nodes"
    nodes: Literal["heads", "heads_and_mlps"] = Field(
        default="heads",
        description="Candidates; MLPs that are none stay as they are and follow what the heads bring them.",
    )
    source: Literal["corrupted", "mean"] = Field(
        default="corrupted",
        description="What replaces a node: its value in the corrupted run, or its mean over prompts.",
    )
    orders: tuple[NodeOrder, ...] = Field(
        default=("exact", "reranked"),
        min_length=1,
        description="How nodes are ranked; all curves are shown, and the order that needs fewest is used.",
    )
    remove: float = Field(default=0.5, gt=0, lt=1, description="Part of the nodes that each step of reranked removes.")
    seeds: int = Field(
        default=2, ge=1, le=100, description="Seeds of the halves; the interval is as wide as they differ."
    )

    def method(self, it: Tense) -> str:
        """Candidates, orders, and both directions."""
        nodes = "heads" if self.nodes == "heads" else "heads and MLPs"
        orders = {
            "exact": "each node's own effect",
            "reranked": f"effects measured again after each removal of {percent(self.remove)} of the nodes",
        }
        return (
            f"Whole {nodes} {it.are} candidates of a circuit; a node that is not kept {it.is_} "
            f"{ablation_text(self.source)} at all positions. Nodes {it.are} ranked by "
            f"{'; '.join(orders[order] for order in self.orders)}, on one half of the word pairs, and run on the other half, "
            f"in other wordings where there are any, both ways round and for {plural(self.seeds, 'seed')} of the halves: with the "
            f"best n kept (sufficient), and with the best n replaced alone (necessary). The number of nodes {it.is_} read "
            f"off the curve at {percent(self.explained)} of what all nodes do." + circuit_controls.told(self, it)
        )

    def variants(self, study: Study) -> Iterable[Variant]:
        """Every node, replaced alone."""
        for edit in self.candidates(study):
            yield Variant.of(edit, part="single")

    def candidates(self, study: Study) -> list[Edit]:
        """All heads, by layer; then the MLPs."""
        edits = [Edit("z", layer, head, source=self.source) for layer, head in heads_of("all", study)]
        if self.nodes == "heads_and_mlps" and "mlp_out" not in study.sizes.absent:
            edits += [Edit("mlp_out", layer, source=self.source) for layer in range(study.sizes.n_layers)]
        return edits

    def where(self, study: Study) -> list[Selection]:
        """All wordings, the focus prompt's first."""
        first = study.focus.prompts.pairs[0].template
        return sorted(study.select(self.prompts), key=lambda selection: selection.prompts.pairs[0].template != first)

    def ranking(self, study: Study) -> list[Selection]:
        """The first half of the wordings; prompts of one wording and of several lengths stay together."""
        where = self.where(study)
        templates = list(dict.fromkeys(selection.prompts.pairs[0].template for selection in where))
        first = {*templates[: (len(templates) + 1) // 2]}
        return [selection for selection in where if selection.prompts.pairs[0].template in first]

    def check(self, study: Study) -> None:
        """There must be enough word pairs in the ranking wording for two halves, and a mean needs two prompts."""
        if self.prompts == "focus":
            raise UserError("it ranks nodes on one half of the word pairs, so the focus prompt alone is not enough")
        for where in (self.ranking(study), circuit_question.measuring(self, study)):
            if reason := too_few(
                len({selection.prompts.pairs[row].pair for selection in where for row in selection.rows})
            ):
                raise UserError(reason)
        super().check(study)

    def reduced(
        self, study: Study, here: Selection, candidates: list[Edit], kept: Bool[np.ndarray, " candidate"]
    ) -> Float[np.ndarray, "row candidate"]:
        """What replacing each kept node does where the others are replaced already, run exactly."""
        gone = tuple(candidate for candidate, stays in zip(candidates, kept, strict=True) if not stays)
        places = np.flatnonzero(kept)
        variants = [Variant(gone, part="left"), *(Variant((*gone, candidates[i]), part="one more") for i in places)]
        values = by_prompt(study.measure(variants, [here]), ["variant"]).to_numpy()
        effects = np.zeros((len(values), len(candidates)))
        effects[:, places] = values[:, 1:] - values[:, :1]
        return effects

    def passes(self, study: Study) -> int:
        """Single effects, every node that is left at every step of the re-ranking, and the curves."""
        left, again = len(self.candidates(study)), 0
        if "exact" in self.orders:
            left -= max(1, int(self.remove * left))  # its first step has been measured
        while "reranked" in self.orders and left:
            again += left + 1
            left -= max(1, int(self.remove * left))
        times = self.seeds + circuit_controls.asks_nonsense(self, study)
        ranked = circuit_question.n_ranked(self, study)
        return self.n_rows(study) + circuit_controls.asked_again(self, study) + times * again * ranked

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> NodeFindings:
        """Nodes needed, in both directions and all orders."""
        verdict, nodes = circuit_verdict.Verdict(self, effects, study, reading), self.candidates(study)

        def count(direction: Direction, target: float) -> NodeCount:
            counted = verdict.count(direction, target)
            mlps = [sum(nodes[i].head is None for i in chosen) for chosen in counted.chosen]
            return NodeCount(
                n=counted.n, low=counted.low, high=counted.high, mlps=float(np.mean(mlps)) if mlps else None
            )

        return NodeFindings(
            **verdict.common(),
            kind=self.kind,
            ablation=self.source,
            candidates=self.nodes,
            needed=both_ways(lambda way: {f"{target:g}": count(way, target) for target in verdict.targets}),
            first=[[_named(nodes[i]) for i in order[:20].tolist()] for order in verdict.first],
        )


def _named(node: Edit) -> str:
    return f"L{node.layer}-MLP" if node.head is None else head_label(node.layer, node.head)
