"""Probe `layer_span`: in which layers a group of tokens is at work (docs/definitions.md, Layer span)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from interp.analysis.findings import DroppedPrompt, EstimateFound, Findings, GroupSpan, LayerChange, LayerSpanFindings
from interp.analysis.shapes import Shape
from interp.analysis.spans import layer_span
from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.interventions.edits import Edit, Variant
from interp.probes.base import Probe, Reading, by_prompt, clusters_of, probes
from interp.prompts.choice import ChoiceOfPrompts
from interp.prompts.regroup import Group, grouped_sets
from interp.words.phrases import percent
from interp.words.tense import Tense

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Study
else:
    pd = lazy("pandas")


@probes.register
class LayerSpan(Probe):
    """Replace what one block writes at a group's tokens by the corrupted run's value, one layer at a time."""

    shapes: ClassVar[frozenset[Shape] | None] = frozenset({"layer curve", "layer x position"})
    findings: ClassVar[type[Findings]] = LayerSpanFindings
    kind: Literal["layer_span"] = "layer_span"
    prompts: ChoiceOfPrompts = "focus_template"
    site: Literal["mlp_out", "attn_out", "resid_pre"] = Field(
        default="mlp_out",
        description="mlp_out or attn_out: what a block writes there; resid_pre: how long the information is still needed.",
    )
    threshold: float = Field(
        default=0.05, gt=0, le=100, description="Share of the clean-corrupted gap that counts as work."
    )
    groups: tuple[Group, ...] = Field(
        default=(Group(name="key", at="key"),),
        min_length=1,
        description="The groups; each may bring a corrupted prompt of its own.",
    )

    def method(self, it: Tense) -> str:
        """One layer at a time, for every group."""
        groups = ", ".join(group.name for group in self.groups)
        return (
            f"For groups of tokens ({groups}), {self.site} of one layer at a time {it.is_} replaced at the group's tokens "
            f"by its value in the group's own corrupted run, {self.on_prompts}; a group {it.is_} called at work in a layer "
            f"where this moves the metric by at least {percent(self.threshold)} of the clean-corrupted gap, with the whole "
            "interval."
        )

    @field_validator("groups")
    @classmethod
    def _names_differ(cls, groups: tuple[Group, ...]) -> tuple[Group, ...]:
        names = [group.name for group in groups]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two groups are called {name!r}")
        return groups

    def run(self, study: Study) -> pd.DataFrame:
        """Layer by layer, for every group with its own corrupted prompt."""
        frames = []
        for group in self.groups:
            variants = [
                Variant.of(Edit(self.site, layer, query=group.name, source="corrupted"), part="span", group=group.name)
                for layer in range(study.sizes.n_layers)
            ]
            frames.append(study.measure(variants, study.group(group, self.prompts)[0]))
        return pd.concat(frames, ignore_index=True)

    def check(self, study: Study) -> None:
        """Every group must find its tokens and a corrupted prompt of the same length on at least one prompt."""
        for group in self.groups:
            any_left, reasons = False, ["no prompt"]
            for selection in self.where(study):
                made, dropped = grouped_sets(selection.prompts.take(selection.rows), group, study.encoder)
                any_left = any_left or made is not None
                reasons += [prompt.reason for prompt in dropped]
            if not any_left:
                raise UserError(f"no prompt is left ({reasons[-1]}); give the group another corrupted prompt or foil")

    def passes(self, study: Study) -> int:
        """One pass a layer and group, and both runs of every group."""
        return (study.sizes.n_layers + 2) * len(self.groups) * self.n_prompts(study)

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> LayerSpanFindings:
        """The span of every group, and the output, which is at work after the last block."""
        focus = study.focus
        answer = focus.prompts.pairs[focus.rows[0]].answer.strip()
        n_layers = study.sizes.n_layers
        output = GroupSpan(group=answer, output=True, first=n_layers, last=n_layers, positions=[], tokens=[])
        groups = [self._summarise_group(group, effects, study, reading) for group in self.groups]
        return LayerSpanFindings(kind=self.kind, site=self.site, threshold=self.threshold, groups=[*groups, output])

    def _summarise_group(self, group: Group, effects: pd.DataFrame, study: Study, reading: Reading) -> GroupSpan:
        rows = effects[effects["group"] == group.name]
        boot = reading.bootstrap(clusters_of(rows), self.label, group.name)
        selections, dropped = study.group(group, self.prompts)
        # 1 where the replacement moves the metric by the whole clean-corrupted gap; a ratio of means over prompts.
        gap = pd.concat([study.gap(selection) for selection in selections]).sort_index().to_numpy()
        profile = boot.ratio(-by_prompt(rows, ["layer"], "effect").to_numpy(), gap)
        ends = [(change.mean, change.mean) if np.isnan(change.low) else (change.low, change.high) for change in profile]
        span = layer_span(ends, self.threshold)
        example = selections[0].prompts
        positions = example.roles[group.name]
        return GroupSpan(
            group=group.name,
            first=span.first,
            last=span.last,
            positions=list(positions),
            tokens=[example.clean_tokens[0][position - 1] for position in positions],
            corrupted=example.pairs[0].corrupted,
            foil=example.pairs[0].foil,
            n=int(rows["prompt"].nunique()),
            dropped=[
                DroppedPrompt(pair=prompt.pair, template=prompt.template, reason=prompt.reason) for prompt in dropped
            ],
            layers=list(span.layers),
            gaps=list(span.gaps),
            profile=[
                LayerChange(layer=layer, normalised=EstimateFound.of(change)) for layer, change in enumerate(profile)
            ],
        )
