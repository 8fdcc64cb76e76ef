"""Probe `residual_edge`: which heads carry an edge of the residual graph (interp.interventions.carried says how).

Nodes are (token, layer). At the source token they hold its embedding and what each MLP writes there; of each, the part that
differs between clean and corrupted run is followed, along frozen attention patterns, to the target node, and read along
the metric's gradient. Every head has an exact share; shares and what bypasses the heads sum to the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.analysis.findings import EstimateFound, Findings, MeanFound
from interp.analysis.findings_of_carried import CarriedFindings, HeadCarried, OriginCarried
from interp.analysis.shapes import Shape
from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.probes.base import Observation, Reading, by_prompt, clusters_of, head_label, probes
from interp.prompts.choice import ChoiceOfPrompts
from interp.prompts.pairs import Position
from interp.results.effects_file import stacked
from interp.words.tense import Tense

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure import effects as measured
    from interp.measure.study import Selection, Study
else:
    pd = lazy("pandas")
    measured = lazy("interp.measure.effects")

NAMED = 20


@probes.register
class ResidualEdge(Observation):
    """The exact share of every head in what travels from one token's nodes to another's, with attention patterns frozen."""

    shapes: ClassVar[frozenset[Shape] | None] = frozenset({"layer x head", "layer curve"})
    findings: ClassVar[type[Findings]] = CarriedFindings
    kind: Literal["residual_edge"] = "residual_edge"
    prompts: ChoiceOfPrompts = "focus_template"
    begin: Position = Field(default="key", description="The source token: a role or a position.")
    to: Position = Field(default="query", description="The target token.")
    end: int | None = Field(
        default=None, ge=1, le=100_000, description="The target's layer: the stream before it; null: the output."
    )
    origins: Literal["all"] | tuple[Annotated[int, Field(ge=0, le=100_000)], ...] = Field(
        default="all",
        description="Nodes of the source token: 0 is its embedding, l + 1 what block l's MLP writes there; all: every one.",
    )

    def method(self, it: Tense) -> str:
        """What is followed, and what is frozen."""
        return (
            f"With attention patterns and norm scales frozen, what the nodes of {self.begin} (its embedding and what each "
            f"MLP writes there) hold of the clean-corrupted difference {it.is_} followed to {self.to} and read along the "
            f"metric's gradient; every head {it.is_} given its exact share of what arrives, {self.on_prompts}."
        )

    def check(self, study: Study) -> None:
        """Layers must exist, positions be one token each, and the metric must have a slope."""
        n_layers = study.sizes.n_layers
        if self.end is not None and self.end > n_layers:
            raise UserError(f"end {self.end} is out of range; the model's output is layer {n_layers}")
        wrong = [origin for origin in self._origins(study) if not 0 <= origin < self._end(study)]
        if wrong or not self._origins(study):
            raise UserError(f"origins must be among 0 to {self._end(study) - 1}, not {list(wrong)}")
        if study.metric.flat_at_clean:
            raise UserError(f"the metric {study.metric.kind} is least in the clean run and has no slope there")
        for here in self.where(study):
            begin, to = here.prompts.position(self.begin), here.prompts.position(self.to)
            if begin > to:
                raise UserError(f"begin (token {begin}) comes after to (token {to}), and attention never looks ahead")

    def passes(self, study: Study) -> int:
        """A forward and a backward pass of two rows a prompt for every quadrature node; a backward pass is counted as two."""
        nodes = -(-(self._end(study) - min(self._origins(study))) // 2) + 2
        return 6 * nodes * self.n_prompts(study)

    def n_rows(self, study: Study) -> int:
        """A row a head and prompt, and one an origin and prompt, for the whole, roads of one head and the bypass."""
        heads = study.sizes.n_layers * study.sizes.n_heads
        return (2 * heads + 2 * len(self._origins(study))) * self.n_prompts(study)

    def run(self, study: Study) -> pd.DataFrame:
        """Heads summed over origins, and origins summed over heads."""
        return stacked([frame for here in self.where(study) for frame in self._of(study, here)])

    def _of(self, study: Study, here: Selection) -> list[pd.DataFrame]:
        sizes, origins = study.sizes, self._origins(study)
        place = np.arange(sizes.n_layers * sizes.n_heads)
        layer, head = np.divmod(place, sizes.n_heads)
        carried = study.carried(here, self.begin, self.to, self._end(study), origins)
        frames = [
            study.observed(measured.observed_columns(part, layer, head), values.flatten(1).T, here)
            for part, values in (("head", carried.heads), ("one head alone", carried.single))
        ]
        frames += [
            study.observed(measured.observed_columns(part, np.array(origins)), values.T, here)
            for part, values in (("origin", carried.whole), ("bypass", carried.bypass))
        ]
        return frames

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> CarriedFindings:
        """The heads with the largest shares, origins, and how the parts sum."""
        boot = reading.bootstrap(clusters_of(effects), self.label)
        heads = by_prompt(effects[effects["part"] == "head"], ["layer", "head"], "effect")
        single, origins, passed = (
            by_prompt(effects[effects["part"] == part], columns, "effect")
            for part, columns in (
                ("one head alone", ["layer", "head"]),
                ("origin", ["layer"]),
                ("bypass", ["layer"]),
            )
        )
        whole = origins.to_numpy().sum(axis=1)
        gap = pd.concat([study.gap(here) for here in self.where(study)]).loc[heads.index].to_numpy()
        bypass, alone = passed.to_numpy().sum(axis=1), single.to_numpy().sum(axis=1)
        parts = [EstimateFound.of(share) for share in boot.ratio(np.stack([bypass, alone], axis=1), whole)]
        shares = boot.ratio(heads.to_numpy(), whole)
        means = boot.mean(heads.to_numpy())
        order = sorted(range(heads.shape[1]), key=lambda i: -abs(means[i].mean))
        labels = [head_label(int(place[0]), int(place[1])) for place in heads.columns.tolist()]
        return CarriedFindings(
            kind=self.kind,
            begin=str(self.begin),
            to=str(self.to),
            end=self._end(study),
            whole=MeanFound.of(boot.mean(whole[:, None])[0]),
            of_gap=EstimateFound.of(boot.ratio(whole[:, None], gap)[0]),
            bypass=parts[0],
            single=parts[1],
            n_prompts=len(heads),
            n_pairs=boot.n_clusters,
            heads=[
                HeadCarried(label=labels[i], carried=MeanFound.of(means[i]), share=EstimateFound.of(shares[i]))
                for i in order[:NAMED]
            ],
            origins=[
                OriginCarried(origin=_origin(int(origin)), carried=MeanFound.of(mean))
                for origin, mean in zip(origins.columns, boot.mean(origins.to_numpy()), strict=True)
            ],
            error=float(np.abs(heads.to_numpy().sum(axis=1) + bypass - whole).max()),
        )

    def _end(self, study: Study) -> int:
        return study.sizes.n_layers if self.end is None else self.end

    def _origins(self, study: Study) -> Sequence[int]:
        if self.origins != "all":
            return sorted(set(self.origins))
        # A parallel block's MLP writes what its heads do not read; attention-only blocks have none.
        return [0] if "mlp_out" in study.sizes.absent else range(self._end(study))


def _origin(origin: int) -> str:
    return "embedding" if origin == 0 else f"L{origin - 1}-MLP"
