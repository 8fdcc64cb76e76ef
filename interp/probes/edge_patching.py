"""Probe `edge_patching`: cut or replace the key->query edges of every head (method.md section 3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from interp.errors import UserError
from interp.interventions.edits import Edit, Source, Variant
from interp.probes.base import Head, Probe, heads_of, probes
from interp.prompts.pairs import Position
from interp.study import PromptChoice, Study


class Pair(BaseModel):
    """A key and a query position, as numbers or roles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Position = "key"
    query: Position = "query"


@probes.register
class EdgePatching(Probe):
    """Cut or replace the term w_qk v_k of every head, at declared or at all causal pairs of positions."""

    kind: Literal["edge_patching"] = "edge_patching"
    prompts: PromptChoice = "focus"
    pairs: Literal["all"] | tuple[Pair, ...] = Field(
        default="all", description="Pairs of positions; `all` causal pairs need prompts of one template."
    )
    source: Literal["zero", "mean", "resample", "corrupted"] = Field(
        default="zero", description="zero cuts the edge; the others replace its value."
    )
    heads: Literal["all"] | tuple[Head, ...] = "all"

    def variants(self, study: Study) -> Iterable[Variant]:
        """One variant a head and pair; pairs with the key after the query are never made."""
        source: Source = self.source
        for layer, head in heads_of(self.heads, study):
            for key, query in self._pairs(study):
                yield Variant.of(Edit("edge", layer, head, query, key, source), part="edge")

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
