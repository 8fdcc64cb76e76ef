"""Probe `key_query_heads`: which heads carry the key to the query, and how many account for a share of the answer.

Heads are ranked on one half of the word pairs, and what the best n carry together is measured on the other half, both ways
round (interp.analysis.search); the verdict is about words that had no say in the choice. Beside it stand three orders, two
other replacements, random sets of the same size, and the same search for answers that mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from interp.analysis.findings import Findings
from interp.analysis.findings_of_heads import HeadFindings
from interp.analysis.halves import too_few
from interp.analysis.orders import ORDERS, Order, grid
from interp.analysis.shapes import Shape
from interp.configs.section import Section
from interp.errors import UserError
from interp.interventions.edits import Edit, Source, Variant
from interp.probes.base import Probe, Reading, head_label, heads_of, probes, within_windows
from interp.probes.head_controls import Place
from interp.probes.head_search import Measured, Plan, measure
from interp.probes.head_verdict import verdict
from interp.probes.ledger import Recorder, Replay
from interp.words.phrases import ablation_text, percent
from interp.words.tense import Tense

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Selection, Study

Replacement = Literal["zero", "mean", "resample", "corrupted"]


class Shapley(Section):
    """How Shapley values are sampled."""

    pairs: int = Field(default=8, ge=2, le=10_000, description="Pairs of a random order and its reverse.")
    players: int = Field(
        default=30, ge=2, le=10_000, description="Heads with a value of their own; all others count as one."
    )


@probes.register
class KeyQueryHeads(Probe):
    """Rank heads by their key->query edge on half of the word pairs; how few carry the target share on the other half?"""

    shapes: ClassVar[frozenset[Shape] | None] = frozenset({"layer x head", "kept curve"})
    findings: ClassVar[type[Findings]] = HeadFindings
    cites: ClassVar[tuple[str, ...]] = ("benjamini1995controlling",)
    kind: Literal["key_query_heads"] = "key_query_heads"
    source: Replacement = Field(
        default="corrupted",
        description="What replaces an edge's value: corrupted (what it carries about the key word), or zero, mean, resample.",
    )
    beside: tuple[Replacement, ...] = Field(
        default=("zero", "mean"), description="Other replacements, in a small table beside the main one."
    )
    order: Order = Field(
        default="value",
        description="The order of the verdict: value (signed single effects), size (their absolute values), or greedy.",
    )
    max_heads: int = Field(
        default=30, ge=1, le=100_000, description="Greedy selection stops at so many heads, or at a share of 0.95."
    )
    screen: int = Field(
        default=6, ge=1, le=100_000, description="Heads that every greedy step tries: the best by single effect."
    )
    rerankings: int = Field(
        default=12,
        ge=0,
        le=1000,
        description="Resampled halves whose orders are run for the intervals; 0: the order is taken as given.",
    )
    random_sets: int = Field(
        default=100, ge=0, le=100_000, description="Random sets of the same size as the one that was found."
    )
    nonsense: bool = Field(
        default=True,
        description="Run the same search with a random pairing of words and answers; not where the metric reads no answer.",
    )
    least_effect: float = Field(
        default=0.01, ge=0, lt=1, description="Part of the total effect below which a head is too small to name."
    )
    shapley: Shapley | None = Field(default=None, description="Shapley values of the largest heads; null: none.")

    def method(self, it: Tense) -> str:
        """The search, its controls, and what stands beside it."""
        orders = {
            "value": "signed single effect",
            "size": "size of the single effect",
            "greedy": f"greedy selection among the best {self.screen} by single effect",
        }
        controls = []
        if self.random_sets:
            controls.append(f"{self.random_sets} random sets of as many heads")
        if self.nonsense:
            controls.append(f"the same search for answers that {it.are} paired with the prompts at random")
        beside = ", and ".join(ablation_text(source) for source in self.beside)
        return (
            "The key→query edge of a head is the term w·v·W_O that it writes into the query position from the key "
            f"position. Every head's edge alone {it.is_} {ablation_text(self.source)}, {self.on_prompts}, and heads "
            f"{it.are} ranked by {orders[self.order]}. The word pairs {it.are} split into two halves by the seed; heads "
            f"{it.are} ranked on one half and measured on the other, both ways round: with the n best heads' edges as they "
            f"are, every other head's edge {it.is_} replaced, and the metric {it.is_} read as a share of what all edges "
            "together do. "
            + (
                f"For the intervals, heads {it.are} ranked anew in {self.rerankings} resampled halves. "
                if self.rerankings
                else ""
            )
            + (f"Controls {it.are} {' and '.join(controls)}. " if controls else "")
            + (f"Beside it, the same search {it.is_} run with every replaced edge {beside}. " if beside else "")
            + (
                f"Shapley values of the {self.shapley.players} largest heads {it.are} estimated from {self.shapley.pairs} "
                "pairs of a random order and its reverse. "
                if self.shapley
                else ""
            )
            + f"Single heads {it.are} named at a false-discovery rate of 5 % and an effect of at least "
            f"{percent(self.least_effect)} of the total."
        )

    def variants(self, study: Study) -> Iterable[Variant]:
        """Every head's edge, replaced alone."""
        for edit in self.edges(study):
            yield Variant.of(edit, part="single")

    def edges(self, study: Study, source: Source | None = None) -> list[Edit]:
        """The key->query edge of every head that has one, by layer and head."""
        used: Source = source or self.source
        edits = [Edit("edge", layer, head, "query", "key", used) for layer, head in heads_of("all", study)]
        return within_windows(edits, study, self.where(study))

    def run(self, study: Study) -> pd.DataFrame:
        """The search, the controls, and what stands beside them."""
        edges: dict[Source, list[Edit]] = {source: self.edges(study, source) for source in (self.source, *self._beside)}
        where = self.where(study)
        recorder = Recorder(study, edges, where, self._shuffled(study, where))
        measure(recorder, self._plan(study))
        return recorder.table()

    def measured(self, effects: pd.DataFrame, study: Study) -> Measured:
        """What `run` measured, read back from its rows."""
        return measure(Replay(effects), self._plan(study))

    def check(self, study: Study) -> None:
        """As every probe; and there must be enough word pairs for two halves, and answers for the nonsense task."""
        super().check(study)
        where = self.where(study)
        clusters = {selection.prompts.pairs[row].pair for selection in where for row in selection.rows}
        if reason := too_few(len(clusters)):
            raise UserError(reason)
        if self.source in self._beside or len(set(self._beside)) < len(self._beside):
            raise UserError("`beside` names a replacement twice, or the one that `source` already is")
        self._shuffled(study, where)

    def passes(self, study: Study) -> int:
        """At most: the greedy steps, and what re-rankings have in common, are not known before they are run."""
        n_heads, n = len(self.edges(study)), self.n_prompts(study)
        where = self.where(study)
        thin = len({selection.prompts.pairs[row].pair for selection in where for row in selection.rows})
        points, steps = len(grid(n_heads)), min(self.max_heads, n_heads) * min(self.screen, n_heads)
        # Halves of the prompts, both ways round, are one pass over all of them.
        again = self.rerankings * (10 + (steps if self.order == "greedy" else 0))
        full = 3 + n_heads + (len(ORDERS) + 1) * points + 2 * steps + again
        asides = len(self._beside) * (2 + n_heads + points) + (2 + n_heads + 2 * points) * self._asks_nonsense(study)
        randoms = self.random_sets + 5 * max(10, self.random_sets // 10) if self.random_sets else 0
        shapley = 2 * self.shapley.pairs * (self.shapley.players + 2) if self.shapley else 0
        return full * n + (asides + randoms + shapley + n_heads + 1) * thin

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> HeadFindings:
        """The verdict with its intervals, the ranking, curves, controls and what stands beside."""
        labels = [(edit.layer, edit.head or 0) for edit in self.edges(study)]
        places = [Place(layer, head, head_label(layer, head)) for layer, head in labels]
        measured, plan = self.measured(effects, study), self._plan(study)
        return verdict(measured, plan, places, self.source, self.least_effect, reading)

    @property
    def _beside(self) -> tuple[Source, ...]:
        return self.beside

    def _plan(self, study: Study) -> Plan:
        shapley = self.shapley or Shapley(pairs=2)
        return Plan(
            label=self.label,
            seed=study.seed,
            n_heads=len(self.edges(study)),
            target=study.share_target,
            order=self.order,
            beside=self._beside,
            rerankings=self.rerankings,
            max_heads=self.max_heads,
            screen=self.screen,
            random_sets=self.random_sets,
            nonsense=self._asks_nonsense(study),
            shapley_pairs=0 if self.shapley is None else shapley.pairs,
            shapley_players=shapley.players,
        )

    def _shuffled(self, study: Study, where: list[Selection]) -> list[Selection]:
        return study.shuffled(where) if self._asks_nonsense(study) else []

    def _asks_nonsense(self, study: Study) -> bool:
        """A metric that reads no answer would say the same again, and the control what the real task says."""
        return self.nonsense and study.metric.reads_answers
