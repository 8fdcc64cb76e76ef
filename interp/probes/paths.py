"""Probe `paths`: does the key's information go straight to the query, over one token in between, or over more?

Clean and corrupted prompt differ at some tokens (the *sources*). Whatever the query learns of the difference was moved by
attention, from token to token: a *hop* is an edge from one position to a later one, in any layer, through any head. Edges
that start before the first source carry no difference, and a position's edge to itself goes nowhere: both stay as they
are. All others may be kept, or given their corrupted values:

    none       nothing kept
    direct     kept: source -> query
    two hops   kept: source -> any, any -> query; so every road has at most one middle token
    over m     kept: source -> query, source -> m, m -> query

Differences between these are told as shares of the clean-corrupted gap. Nothing is estimated: every set is one forward
pass. m(none) need not be the corrupted run's: a source's score stands in the softmax of every later token, and so in the
weights of edges that stay as they are. What comes that way is told by itself, so that all shares sum to 1.

Edges between two sources are no hop: hops count from the last differing token on. Keeping a set of positions' edges is
path patching with all heads and layers at once (Goldowsky-Dill et al., arXiv 2304.05969).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from interp.analysis.findings import EstimateFound, Findings, MeanFound
from interp.analysis.findings_of_paths import Middle, PathFindings
from interp.analysis.shapes import Shape
from interp.configs.lazy import lazy
from interp.interventions.edits import Edit, Variant
from interp.probes.base import Probe, Reading, by_prompt, clusters_of, probes
from interp.prompts.differing import Roads, roads_of
from interp.results.effects_file import stacked
from interp.words.tense import Tense

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Selection, Study
else:
    pd = lazy("pandas")

Hop = tuple[int, int]


@probes.register
class Paths(Probe):
    """Keep only the roads of one hop, of two, or over one middle token, and see how much of the gap they carry."""

    shapes: ClassVar[frozenset[Shape] | None] = frozenset()
    findings: ClassVar[type[Findings]] = PathFindings
    kind: Literal["paths"] = "paths"

    def method(self, it: Tense) -> str:
        """Which roads are kept."""
        return (
            f"Of the attention edges from the first token that differs between clean and corrupted prompt on, all {it.are} "
            "given their values of the corrupted run but those of one kind of road: straight from the differing tokens to "
            f"the query, then also over one token in between; the metric {it.is_} read as a share of the clean-corrupted "
            f"gap, {self.on_prompts}."
        )

    def variants(self, study: Study) -> Iterable[Variant]:
        """Those of the focus prompt's wording."""
        return self._variants(study, study.focus, middles=True)

    def run(self, study: Study) -> pd.DataFrame:
        """Every wording has positions of its own; single middle tokens are told of the focus prompt's."""
        return stacked(
            [
                study.measure(self._variants(study, here, self._is_focus(study, here)), [here])
                for here in self.where(study)
            ]
        )

    def passes(self, study: Study) -> int:
        """One pass a kept set and prompt."""
        return sum(
            len(self._variants(study, here, self._is_focus(study, here))) * len(here.rows) for here in self.where(study)
        )

    def check(self, study: Study) -> None:
        """The two prompts must differ before the query, and not at it."""
        for here in self.where(study):
            roads_of(here.prompts)

    def _is_focus(self, study: Study, here: Selection) -> bool:
        return here.prompts is study.focus.prompts

    def _variants(self, study: Study, here: Selection, middles: bool) -> list[Variant]:
        roads = roads_of(here.prompts)
        hops = roads.hops
        direct = {hop for hop in hops if hop[0] in roads.sources and hop[1] == roads.query}
        two = {hop for hop in hops if hop[0] in roads.sources or hop[1] == roads.query}

        def kept(hops_kept: set[Hop], part: str, group: str = "") -> Variant:
            edits = [
                edit
                for layer in range(study.sizes.n_layers)
                for key, query in hops
                if (key, query) not in hops_kept
                and study.sizes.exists(edit := Edit("edge", layer, None, query, key, "corrupted"), here.prompts)
            ]
            return Variant(tuple(edits), part=part, group=group)

        sets = [
            Variant((), part="all"),
            kept(set(), "none"),
            kept(direct, "direct"),
            kept(two, "two hops"),
            kept(set(hops) - direct, "direct cut"),
        ]
        for middle in roads.middles if middles else ():
            over = {(key, query) for key, query in two - direct if middle in (key, query)}
            sets += [kept(direct | over, "over", str(middle)), kept(two - over, "not over", str(middle))]
        return sets

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> PathFindings:
        """Shares of the gap by number of hops, and by middle token."""
        prompts, (row, *_) = study.focus.prompts, study.focus.rows
        roads, tokens = roads_of(prompts), prompts.clean_tokens[row]
        parts = effects[effects["group"] == ""]
        wide = by_prompt(parts, ["part"])
        boot = reading.bootstrap(clusters_of(parts), self.label)
        everything, none = wide["all"].to_numpy(), wide["none"].to_numpy()
        direct, two, cut = (wide[part].to_numpy() for part in ("direct", "two hops", "direct cut"))
        gap = self._gap(study, wide)
        parts_of_gap = [direct - none, two - direct, everything - two, gap - (everything - none), everything - cut]
        shares = [EstimateFound.of(share) for share in boot.ratio(np.stack(parts_of_gap, axis=1), gap)]
        over = effects[effects["prompt"].isin(effects.loc[effects["group"] != "", "prompt"])]
        return PathFindings(
            kind=self.kind,
            gap=MeanFound.of(boot.mean(gap[:, None])[0]),
            direct=shares[0],
            one_middle=shares[1],
            more=shares[2],
            by_weights=shares[3],
            direct_cut=shares[4],
            n_prompts=len(wide),
            n_pairs=boot.n_clusters,
            sources=list(roads.sources),
            source_tokens=[tokens[position - 1] for position in roads.sources],
            query=roads.query,
            query_token=tokens[roads.query - 1],
            middles=self._middles(over, study, roads, tokens, reading) if len(over) else [],
            n_middles_prompts=int(over["prompt"].nunique()),
        )

    def _middles(
        self, effects: pd.DataFrame, study: Study, roads: Roads, tokens: Sequence[str], reading: Reading
    ) -> list[Middle]:
        """What every middle token adds alone, and what the two-hop roads lose without it."""
        wide = by_prompt(effects, ["part", "group"])
        boot = reading.bootstrap(clusters_of(effects), self.label, "middles")
        gap = self._gap(study, wide)
        added = np.stack([(wide["over", str(m)] - wide["direct", ""]).to_numpy() for m in roads.middles], axis=1)
        lost = np.stack([(wide["two hops", ""] - wide["not over", str(m)]).to_numpy() for m in roads.middles], axis=1)
        return [
            Middle(position=m, token=tokens[m - 1], added=EstimateFound.of(alone), lost=EstimateFound.of(without))
            for m, alone, without in zip(roads.middles, boot.ratio(added, gap), boot.ratio(lost, gap), strict=True)
        ]

    def _gap(self, study: Study, wide: pd.DataFrame) -> np.ndarray:
        """The clean-corrupted gap of the table's prompts."""
        gaps = pd.concat([study.gap(here) for here in self.where(study)])
        return gaps.loc[wide.index].to_numpy()
