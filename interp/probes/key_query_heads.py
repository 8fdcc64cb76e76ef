"""Probe `key_query_heads`: which heads carry the key to the query, and how many account for a share of the answer.

First every head's key->query edge is cut alone. Then, with the heads in order of the absolute size of that effect, the
best n edges are kept and all others cut, for n from none to all: the joint curve f(n) of method.md section 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from interp.analysis.shares import head_shares, rank
from interp.interventions.edits import Edit, Source, Variant
from interp.lazy import lazy
from interp.probes.base import Probe, Reading, by_prompt, clusters_of, head_label, heads_of, probes

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Study
else:
    pd = lazy("pandas")


@probes.register
class KeyQueryHeads(Probe):
    """Rank heads by their key->query edge and find the smallest set that carries the target share, in three definitions."""

    kind: Literal["key_query_heads"] = "key_query_heads"
    source: Literal["zero", "mean", "resample", "corrupted"] = Field(
        default="zero", description="What replaces a cut edge's value: zero, or its value in other runs."
    )

    def variants(self, study: Study) -> Iterable[Variant]:
        """Every head's edge, cut alone."""
        for edit in self.edges(study):
            yield Variant.of(edit, part="single")

    def edges(self, study: Study) -> list[Edit]:
        """The key->query edge of every head, by layer and head."""
        source: Source = self.source
        return [Edit("edge", layer, head, "query", "key", source) for layer, head in heads_of("all", study)]

    def run(self, study: Study) -> pd.DataFrame:
        """The single cuts, then the joint curve over their ranking."""
        single = study.measure(self.variants(study), self.where(study))
        edges = self.edges(study)
        order = rank(carried(single))
        joint = [
            Variant(tuple(edges[i] for i in order[n_kept:]), part="joint", n_kept=n_kept)
            for n_kept in range(len(edges) + 1)
        ]
        return pd.concat([single, study.measure(joint, self.where(study))], ignore_index=True)

    def passes(self, study: Study) -> int:
        """Single cuts and the joint curve."""
        return (2 * len(self.edges(study)) + 1) * self.n_prompts(study)

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> dict[str, Any]:
        """Shares in the three definitions, the ranking with intervals, and the curve f(n)."""
        single, joint = (effects[effects["part"] == part] for part in ("single", "joint"))
        boot = reading.bootstrap(clusters_of(single), self.label)
        carry = carried(single)
        kept = by_prompt(joint, ["n_kept"]).to_numpy()
        result = head_shares(carry, kept, reading.share_target, boot)
        labels = [(edit.layer, edit.head) for edit in self.edges(study)]
        estimates = boot.mean(carry)

        def described(head: int) -> dict[str, Any]:
            layer, number = labels[head]
            place = {"layer": layer, "head": number, "label": head_label(layer, number or 0)}
            return {**place, "carried": estimates[head].as_dict()}

        total = boot.mean(np.stack([kept[:, -1], kept[:, 0], kept[:, -1] - kept[:, 0]], axis=1))
        return {
            "ablation": self.source,
            "target": reading.share_target,
            "definition": reading.share_definition,
            "n_candidates": len(labels),
            "total": dict(zip(("all", "none", "effect"), (one.as_dict() for one in total), strict=True)),
            "shares": {
                name: {**share.as_dict(), "heads": [described(head) for head in share.heads]}
                for name, share in result.shares.items()
            },
            "ranking": [described(head) for head in rank(carry)],
            "curve": result.curve_as_dicts(),
        }


def carried(single: pd.DataFrame) -> Float[np.ndarray, "prompt head"]:
    """What the metric loses on each prompt when a head's edge is cut: positive when the head carries the answer."""
    return -by_prompt(single, ["variant"], "effect").to_numpy()
