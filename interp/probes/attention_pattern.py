"""Probe `attention_pattern`: the attention weights of every head, for the attention panels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from interp.analysis.shapes import Shape
from interp.configs.lazy import lazy
from interp.probes.base import Observation, probes
from interp.prompts.choice import ChoiceOfPrompts
from interp.words.tense import Tense

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Study
else:
    pd = lazy("pandas")


@probes.register
class AttentionPattern(Observation):
    """The attention weights of every head; observed, nothing is changed."""

    shapes: ClassVar[frozenset[Shape] | None] = frozenset({"edges"})
    kind: Literal["attention_pattern"] = "attention_pattern"
    prompts: ChoiceOfPrompts = "focus"

    def method(self, it: Tense) -> str:
        """It only looks."""
        return f"The attention weights of every head {it.are} read {self.on_prompts}, without an intervention."

    def n_rows(self, study: Study) -> int:
        """One a head, pair of positions that it sees, and prompt."""
        sizes = study.sizes
        pairs = sum(
            len(selection.rows) * len(sizes.seen(layer, selection.prompts.n_tokens)[0])
            for selection in self.where(study)
            for layer in range(sizes.n_layers)
        )
        return sizes.n_heads * pairs

    def run(self, study: Study) -> Iterator[pd.DataFrame]:
        """Weights of all heads and pairs of positions that they see, in parts."""
        return study.attention_weights(self.where(study))
