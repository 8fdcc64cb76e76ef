"""Probe `attention_edges`: the circuit of attention edges, of all heads and all pairs of positions, that carries the answer.

Edges are ranked on one half of the word pairs in one wording, and the curve is measured on the other half, in the other
wordings that have the same layout where there are any; both ways round, and for several seeds of the halves. Kept and
replaced sets are run exactly, with corrupted values (interp.analysis.circuits says what the curves are).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from interp.analysis.circuits import Direction, EdgeOrder
from interp.analysis.findings import Findings
from interp.analysis.findings_of_edges import EdgeCount, EdgeFindings, EdgeFound, both_ways
from interp.analysis.halves import too_few
from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.interventions.edits import Edit, Variant
from interp.probes.base import Reading, head_label, heads_of, probes, within_windows
from interp.probes.circuit_probe import CircuitProbe
from interp.words.phrases import percent, plural
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


@probes.register
class AttentionEdges(CircuitProbe):
    """The attention edges (head, key, query) that are enough for, and needed by, a share of what all edges do."""

    findings: ClassVar[type[Findings]] = EdgeFindings
    cites: ClassVar[tuple[str, ...]] = ("hanna2024faith", "conmy2023towards")
    reduces_exactly: ClassVar[bool] = False
    kind: Literal["attention_edges"] = "attention_edges"
    orders: tuple[EdgeOrder, ...] = Field(
        default=("integrated", "reranked"),
        min_length=1,
        description="How edges are ranked: exact (each replaced alone: a forward pass an edge and prompt), integrated "
        "(integrated gradients), reranked (gradients, again after each removal). The one that needs fewest is used.",
    )
    steps: int = Field(
        default=5, ge=1, le=1000, description="Points between the corrupted and the clean run, for integrated."
    )
    remove: float = Field(default=0.1, gt=0, lt=1, description="Part of the edges that each step of reranked removes.")
    seeds: int = Field(
        default=3, ge=1, le=100, description="Seeds of the halves; the interval is as wide as they differ."
    )

    def method(self, it: Tense) -> str:
        """Candidates, orders, and both directions."""
        orders = {
            "exact": "each edge's own effect",
            "integrated": f"integrated gradients ({self.steps} points)",
            "reranked": f"gradients, again after each removal of {percent(self.remove)} of the edges",
        }
        return (
            f"All attention edges (head, key, query) {it.are} candidates of a circuit. Edges {it.are} ranked by "
            f"{'; '.join(orders[order] for order in self.orders)}, on one half of the word pairs, and run on the other half, "
            f"in other wordings where there are any, both ways round and for {plural(self.seeds, 'seed')} of the halves: with the "
            "best n kept and all others given their values of the corrupted run (sufficient), and with the best n "
            f"replaced alone (necessary). The number of edges {it.is_} read off the curve at {percent(self.explained)} of "
            "what all edges do." + circuit_controls.told(self, it)
        )

    def variants(self, study: Study) -> Iterable[Variant]:
        """Every edge, replaced alone."""
        for edit in self.candidates(study):
            yield Variant.of(edit, part="single")

    def candidates(self, study: Study) -> list[Edit]:
        """All edges of all heads, causal and within the layer's window, by layer, head, query and key."""
        where = self.where(study)
        n_tokens = where[0].prompts.n_tokens
        pairs = [(query, key) for query in range(1, n_tokens + 1) for key in range(1, query + 1)]
        edits = [
            Edit("edge", layer, head, query, key, "corrupted")
            for layer, head in heads_of("all", study)
            for query, key in pairs
        ]
        return within_windows(edits, study, where)

    def where(self, study: Study) -> list[Selection]:
        """The focus wording, which ranks, and the other wordings of the same layout, which measure."""
        if self.prompts != "all":
            return study.select(self.prompts)
        first = study.focus.prompts
        wordings = sorted(study.select("all"), key=lambda selection: selection.prompts is not first)
        return [
            selection
            for selection in wordings
            if selection.prompts.n_tokens == first.n_tokens and selection.prompts.roles == first.roles
        ]

    def ranking(self, study: Study) -> list[Selection]:
        """The focus wording: an edge of the others is the same one only by its positions."""
        return self.where(study)[:1]

    def check(self, study: Study) -> None:
        """There must be enough word pairs in the ranking wording for two halves."""
        if self.prompts == "focus":
            raise UserError("it ranks edges on one half of the word pairs, so the focus prompt alone is not enough")
        ranking = self.where(study)[0]
        if reason := too_few(len({ranking.prompts.pairs[row].pair for row in ranking.rows})):
            raise UserError(reason)

    def integrated(self, study: Study, here: Selection, candidates: list[Edit]) -> Float[np.ndarray, "row candidate"]:
        """Integrated gradients between the two runs."""
        return study.edge_effects(here, candidates, np.ones(len(candidates), dtype=bool), self.steps)

    def reduced(
        self, study: Study, here: Selection, candidates: list[Edit], kept: Bool[np.ndarray, " candidate"]
    ) -> Float[np.ndarray, "row candidate"]:
        """Gradients in the model in which the others have their corrupted value."""
        return study.edge_effects(here, candidates, kept)

    def passes(self, study: Study) -> int:
        """Single effects where they are asked for, gradients (a backward pass is counted as two), and the curves."""
        integrated = self.steps * (1 + circuit_controls.asks_nonsense(self, study))
        gradients = integrated + circuit_search.rerankings(self, study)
        return (
            self.n_rows(study)
            + circuit_controls.asked_again(self, study)
            + 3 * gradients * circuit_question.n_ranked(self, study)
        )

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> EdgeFindings:
        """Edges and heads needed, in both directions and all orders."""
        verdict, edges = circuit_verdict.Verdict(self, effects, study, reading), self.candidates(study)

        def count(direction: Direction, target: float) -> EdgeCount:
            counted = verdict.count(direction, target)
            heads = [len({(edges[i].layer, edges[i].head) for i in chosen}) for chosen in counted.chosen]
            mean = float(np.mean(heads)) if heads else None
            return EdgeCount(edges=counted.n, low=counted.low, high=counted.high, heads=mean)

        return EdgeFindings(
            **verdict.common(),
            kind=self.kind,
            ablation="corrupted",
            needed=both_ways(lambda way: {f"{target:g}": count(way, target) for target in verdict.targets}),
            first=[[_named(edges[i]) for i in order[:20].tolist()] for order in verdict.first],
        )


def _named(edge: Edit) -> EdgeFound:
    return EdgeFound(label=head_label(edge.layer, edge.head or 0), key=_place(edge.key), query=_place(edge.query))


def _place(position: int | str | None) -> int:
    assert isinstance(position, int)  # every edge of a search has its positions as numbers
    return position
