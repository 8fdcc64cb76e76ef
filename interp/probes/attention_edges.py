"""Probe `attention_edges`: how many attention edges, of all heads and all pairs of positions, carry the answer.

Edges are ranked by a gradient estimate of what cutting them alone would do (one backward pass for all of them); then the
best n are kept and all others cut in real runs of the model, for n on a grid: the joint curve of method.md section 4 over
edges. So the share that a set of n edges carries is exact, while another ranking might need fewer; shares of summed
single effects (absolute, net) are sums of estimates.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from interp.analysis.shares import edge_shares, rank
from interp.errors import UserError
from interp.interventions.edits import Edit, Source, Variant
from interp.lazy import lazy
from interp.probes.base import Probe, Reading, by_prompt, clusters_of, head_label, heads_of, probes
from interp.prompts.choice import PromptChoice
from interp.results.effects_file import stacked

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Study
else:
    pd = lazy("pandas")


@probes.register
class AttentionEdges(Probe):
    """Count the attention edges (head, key, query) that carry the target share of what all edges do to the metric."""

    kind: Literal["attention_edges"] = "attention_edges"
    prompts: PromptChoice = "focus_template"
    source: Literal["zero", "mean", "resample", "corrupted"] = Field(
        default="zero", description="What replaces a cut edge's value: zero, or its value in other runs."
    )
    rank_by: Literal["attribution", "exact"] = Field(
        default="attribution",
        description="Rank edges by a gradient estimate (seconds), or by cutting each alone (a forward pass an edge).",
    )

    def variants(self, study: Study) -> Iterable[Variant]:
        """Every edge, cut alone."""
        for edit in self.edges(study):
            yield Variant.of(edit, part="single")

    def edges(self, study: Study) -> list[Edit]:
        """All causal edges of all heads."""
        chosen = self.where(study)
        if len(chosen) > 1:
            raise UserError(
                f"probe {self.label!r}: all pairs of positions need prompts of one template; say prompts: focus_template"
            )
        source: Source = self.source
        n_tokens = chosen[0].prompts.n_tokens
        pairs = [(query, key) for query in range(1, n_tokens + 1) for key in range(1, query + 1)]
        return [
            Edit("edge", layer, head, query, key, source)
            for layer, head in heads_of("all", study)
            for query, key in pairs
        ]

    def run(self, study: Study) -> pd.DataFrame:
        """The single effects, then the joint curve over their ranking."""
        edges, where = self.edges(study), self.where(study)
        single = study.measure(self.variants(study), where, "attribution" if self.rank_by == "attribution" else "exact")
        order = rank(-by_prompt(single, ["variant"], "effect").to_numpy())
        joint = [Variant(tuple(edges[i] for i in order[n:]), part="joint", n_kept=n) for n in grid(len(edges))]
        return stacked([single, study.measure(joint, where)])

    def passes(self, study: Study) -> int:
        """The joint curve, and the single cuts where they are run."""
        n_edges = len(self.edges(study))
        single = 1 if self.rank_by == "attribution" else n_edges
        return (single + len(grid(n_edges))) * self.n_prompts(study)

    def n_rows(self, study: Study) -> int:
        """The single effects, estimated or not, and the joint curve."""
        n_edges = len(self.edges(study))
        return (n_edges + len(grid(n_edges))) * self.n_prompts(study)

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> dict[str, Any]:
        """Edges needed in the three definitions, the first edges of the ranking, and the curve."""
        single, joint = (effects[effects["part"] == part] for part in ("single", "joint"))
        boot = reading.bootstrap(clusters_of(single), self.label)
        carry = -by_prompt(single, ["variant"], "effect").to_numpy()
        kept = by_prompt(joint, ["n_kept"])
        found = edge_shares(carry, kept.to_numpy(), [int(n) for n in kept.columns], reading.share_target, boot)
        edges = self.edges(study)
        first = [edges[i] for i in rank(carry)[:20]]
        total = boot.mean(np.stack([kept.iloc[:, -1], kept.iloc[:, 0], kept.iloc[:, -1] - kept.iloc[:, 0]], axis=1))
        return {
            "ablation": self.source,
            "rank_by": self.rank_by,
            "target": reading.share_target,
            "definition": reading.share_definition,
            "n_candidates": len(edges),
            "n_prompts": int(single["prompt"].nunique()),
            "total": dict(zip(("all", "none", "effect"), (one.as_dict() for one in total), strict=True)),
            "shares": {name: share.as_dict() for name, share in found.shares.items()},
            "first": [
                {"label": head_label(edit.layer, edit.head or 0), "key": edit.key, "query": edit.query}
                for edit in first
            ],
            "curve": found.curve_as_dicts(),
        }


def grid(n_edges: int) -> list[int]:
    """Numbers of edges to keep: every one up to 20, then steps of 8 %, and all."""
    counts = list(range(min(20, n_edges) + 1))
    while counts[-1] < n_edges:
        counts.append(min(n_edges, int(np.ceil(counts[-1] * 1.08))))
    return counts
