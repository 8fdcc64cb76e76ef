"""Probe `edge_patching`: cut or replace the key->query edges of every head (docs/definitions.md, Effects).

With `screen`, every edge is estimated by a gradient first, and only the most promising are cut; what the estimate hides
can be missed (interp.analysis.screening). Estimates stand in the effects table as part `screen`, method `attribution`;
part `edge` holds real runs alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.analysis.findings import EdgePatchingFindings, Findings, MeanFound, ScreenedEdge
from interp.analysis.screening import Measure, Screening, screen
from interp.analysis.seeding import generator
from interp.analysis.shapes import Shape
from interp.configs.lazy import lazy
from interp.configs.section import Section
from interp.errors import UserError
from interp.interventions.edits import Edit, Source, Variant
from interp.probes.base import (
    Head,
    Probe,
    Reading,
    by_prompt,
    clusters_of,
    head_label,
    heads_of,
    probes,
    within_windows,
)
from interp.prompts.choice import ChoiceOfPrompts
from interp.prompts.pairs import Position
from interp.results.effects_file import stacked
from interp.results.tables import SCREENED
from interp.words.phrases import ablation_text
from interp.words.tense import Tense

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Study
else:
    pd = lazy("pandas")


class Pair(Section):
    """A key and a query position, as numbers or roles."""

    key: Position = Field(default="key", description="Position that is looked at: a number from 1, or a role.")
    query: Position = Field(default="query", description="Position that looks: a number from 1, or a role.")


class Screen(Section):
    """Look for the largest effects only."""

    top: int = Field(default=20, ge=1, le=1_000_000, description="How many edges the top set has.")


@probes.register
class EdgePatching(Probe):
    """Cut or replace the term w_qk v_k of every head, at declared or at all causal pairs of positions."""

    shapes: ClassVar[frozenset[Shape] | None] = frozenset({"layer x head", "edges"})
    findings: ClassVar[type[Findings]] = EdgePatchingFindings
    kind: Literal["edge_patching"] = "edge_patching"
    prompts: ChoiceOfPrompts = "focus"
    pairs: Literal["all"] | tuple[Pair, ...] = Field(
        default="all", description="Pairs of positions; `all` causal pairs need prompts of one template."
    )
    source: Literal["zero", "mean", "resample", "corrupted"] = Field(
        default="zero", description="zero cuts the edge; the others replace its value."
    )
    heads: Literal["all"] | tuple[Head, ...] = Field(
        default="all", description="Heads that are asked, as L11-H7, or all of them."
    )
    screen: Screen | None = Field(
        default=None,
        description="Estimate all edges, cut only the most promising and a random sample; null: cut every one.",
    )

    def method(self, it: Tense) -> str:
        """Every edge alone, or those that an estimate names."""
        pairs = "every causal pair of positions" if self.pairs == "all" else f"{len(self.pairs)} pairs of positions"
        heads = "every head" if self.heads == "all" else f"{len(self.heads)} heads"
        screened = (
            f" All edges {it.are} estimated by a gradient first, and only the most promising and a random sample cut, to find the "
            f"{self.screen.top} largest."
            if self.screen
            else ""
        )
        return f"The edge of {heads} at {pairs}, alone, {it.is_} {ablation_text(self.source)}, {self.on_prompts}.{screened}"

    def variants(self, study: Study) -> Iterable[Variant]:
        """One variant a head and pair; pairs with the key after the query, or outside a layer's window, are never made."""
        source: Source = self.source
        edits = [
            Edit("edge", layer, head, query, key, source)
            for layer, head in heads_of(self.heads, study)
            for key, query in self._pairs(study)
        ]
        for edit in within_windows(edits, study, self.where(study)):
            yield Variant.of(edit, part="edge")

    def check(self, study: Study) -> None:
        """As every probe; and a screen needs something to estimate from."""
        super().check(study)
        if self.screen is not None:
            study.must_have_a_slope(self.variants(study))

    def run(self, study: Study) -> pd.DataFrame:
        """Every edge cut; with `screen`, all estimates and the cuts that were needed."""
        if self.screen is None:
            return study.measure(self.variants(study), self.where(study))
        variants, where = list(self.variants(study)), self.where(study)
        estimated = study.measure(variants, where, "attribution").assign(part=SCREENED)
        cuts: list[pd.DataFrame] = []

        def cut(numbers: list[int]) -> Any:
            made = study.measure([variants[number] for number in numbers], where)
            cuts.append(made.assign(variant=np.array(numbers)[made["variant"]]))
            return _effects(cuts[-1], numbers)

        self._screened(self.screen, estimated, cut, study.engine.seed)
        return stacked([estimated, *cuts])

    def passes(self, study: Study) -> int:
        """One a variant; with `screen` at most, and one for the estimates."""
        return super().passes(study) + (0 if self.screen is None else self.n_prompts(study))

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> EdgePatchingFindings:
        """With `screen`: the top set with intervals, and how far estimates and cuts disagree."""
        if self.screen is None:
            return EdgePatchingFindings(kind=self.kind)
        estimated, cuts = (effects[effects["part"] == part] for part in (SCREENED, "edge"))
        # The search is taken again over what was measured: it needs no state of its own.
        screened = self._screened(self.screen, estimated, lambda numbers: _effects(cuts, numbers), reading.seed)
        top = list(screened.top)
        sizes = reading.bootstrap(clusters_of(cuts), self.label).mean(_effects(cuts, top))
        guesses = _effects(estimated, top).mean(axis=0)
        first = estimated.drop_duplicates("variant").set_index("variant")
        places = first.loc[top, ["layer", "head", "key_label", "query_label"]].to_dict("records")
        edges = [
            ScreenedEdge(
                label=head_label(place["layer"], place["head"]),
                key=place["key_label"],
                query=place["query_label"],
                effect=MeanFound.of(size),
                estimate=float(guess),
            )
            for place, size, guess in zip(places, sizes, guesses, strict=True)
        ]
        return EdgePatchingFindings(kind=self.kind, screen=screened.found(edges))

    def _screened(self, settings: Screen, estimated: pd.DataFrame, cut: Measure, seed: int) -> Screening:
        guesses = _effects(estimated, sorted(estimated["variant"].unique().tolist()))
        rng = generator(seed, "screen", self.label)
        return screen(guesses, cut, settings.top, clusters_of(estimated), rng)

    def _pairs(self, study: Study) -> list[tuple[Position, Position]]:
        chosen = self.where(study)
        if self.pairs != "all":
            for pair in self.pairs:
                for selection in chosen:
                    key, query = selection.prompts.position(pair.key), selection.prompts.position(pair.query)
                    if key > query:
                        raise UserError(
                            f"probe {self.label!r}: key {pair.key!r} (position {key}) comes after query {pair.query!r} "
                            f"(position {query}); attention is causal, so there is no such edge"
                        )
            return [(pair.key, pair.query) for pair in self.pairs]
        if len(chosen) > 1:
            raise UserError(
                f"probe {self.label!r}: `pairs: all` needs prompts of one template; say `prompts: focus_template` or list "
                "the pairs as roles"
            )
        n_tokens = chosen[0].prompts.n_tokens
        return [(key, query) for query in range(1, n_tokens + 1) for key in range(1, query + 1)]


def _effects(rows: pd.DataFrame, numbers: list[int]) -> Any:
    """Effects of the numbered variants, prompt by variant."""
    return by_prompt(rows[rows["variant"].isin(numbers)], ["variant"], "effect")[numbers].to_numpy()
