"""Probe `head_ablation`: what the metric loses when a head's output is replaced."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from interp.analysis.shapes import Shape
from interp.interventions.edits import Edit, Reference, Variant
from interp.probes.base import Head, Probe, heads_of, probes
from interp.prompts.pairs import Position
from interp.words.tense import Tense

if TYPE_CHECKING:
    from interp.measure.study import Study


@probes.register
class HeadAblation(Probe):
    """Replace one head's output z by zero, a mean, or another prompt's value."""

    shapes: ClassVar[frozenset[Shape] | None] = frozenset({"layer x head"})
    kind: Literal["head_ablation"] = "head_ablation"
    source: Literal["zero", "mean", "resample"] = Field(
        default="mean", description="What replaces z: zero, the mean over the template's prompts, or another prompt's."
    )
    reference: Reference = Field(default="clean", description="The run that the mean or the other value comes from.")
    heads: Literal["all"] | tuple[Head, ...] = Field(
        default="all", description="Heads that are asked, as L11-H7, or all of them."
    )
    position: Position | None = Field(
        default=None, description="Position or role at which the head is ablated; null: at every token."
    )

    def method(self, it: Tense) -> str:
        """Each head alone."""
        value = {
            "zero": "zero",
            "mean": "its mean over the wording's prompts",
            "resample": "its value in another prompt",
        }
        where = "at every position" if self.position is None else f"at {self.position}"
        heads = "every head" if self.heads == "all" else f"{len(self.heads)} heads"
        return f"The output z of {heads}, alone, {it.is_} replaced {where} by {value[self.source]}, {self.on_prompts}."

    def variants(self, study: Study) -> Iterable[Variant]:
        """One variant a head."""
        for layer, head in heads_of(self.heads, study):
            edit = Edit("z", layer, head, query=self.position, source=self.source, reference=self.reference)
            yield Variant.of(edit, part="z")
