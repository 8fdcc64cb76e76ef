"""The schema of one run: everything that a YAML can say, with errors that name the field.

One file says everything about a run. `load` reads it, applies `--set a.b=c` overrides, and validates; the resolved
config, defaults filled in, is saved beside the results and its hash names the run's folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from interp.errors import UserError
from interp.experiment import Experiment, experiments
from interp.figures.base import Figure, figures
from interp.metrics import LogitDiff, Metric, metrics
from interp.models import ModelConfig
from interp.probes import Probe, probes
from interp.prompts.config import PromptsConfig
from interp.registry import load_plugins
from interp.section import Section
from interp.yaml_config import AnyConfig, LoadedConfig, read, validate_as

# The schema is the union of all registered kinds, so packages that add some come first.
load_plugins()
AnyExperiment = Annotated[Experiment, experiments]
AnyFigure = Annotated[Figure, figures]
AnyMetric = Annotated[Metric, metrics]
AnyProbe = Annotated[Probe, probes]


class Share(Section):
    """What "these heads carry 80 %" means (method.md section 4); all three definitions are always computed."""

    target: float = Field(default=0.8, gt=0, le=1, description="The share to account for.")
    definition: Literal["joint", "absolute", "net"] = Field(
        default="joint", description="The definition that selects heads and is printed on figures."
    )


class StatisticsConfig(Section):
    """Bootstrap intervals, clustered by word pair."""

    confidence: float = Field(default=0.95, gt=0, lt=1)
    n_resamples: int = Field(default=2000, ge=100)


class Compute(Section):
    """What the run may use."""

    memory_gb: float | None = Field(
        default=None,
        gt=0,
        description="For the activations of one batch, in GiB; null: a quarter of the free memory. Batches never get larger "
        "than pays, so on most machines it changes nothing.",
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="CPU threads of torch; null leaves its default."
    )


class Measured(AnyConfig):
    """What is asked and measured, whatever the model."""

    prompts: PromptsConfig = PromptsConfig()
    metric: AnyMetric = LogitDiff()
    share: Share = Share()
    statistics: StatisticsConfig = StatisticsConfig()
    probes: tuple[AnyProbe, ...] = Field(min_length=1)
    experiment: AnyExperiment | None = Field(
        default=None, description="The recipe that writes the report's sentences; null: a plain report of the figures."
    )
    figures: tuple[AnyFigure, ...] = ()
    compute: Compute = Compute()

    @model_validator(mode="after")
    def _labels_differ(self) -> Measured:
        labels = [probe.label for probe in self.probes]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"two probes are called {label!r}; give one of them another `name`")
        return self

    @model_validator(mode="after")
    def _what_is_drawn_is_measured(self) -> Measured:
        # A figure list is part of the run's hash, so a mistake in it that shows after the run would cost the whole run.
        kinds = {probe.label: probe.kind for probe in self.probes}
        stems = [figure.stem for figure in self.figures]
        for stem in stems:
            if stems.count(stem) > 1:
                raise ValueError(f"two figures are called {stem!r}; give one of them another `name`")
        parts: list[Figure | Experiment | None] = [*self.figures, self.experiment]
        try:
            for part in parts:
                if part is not None:
                    part.check(kinds)
        except UserError as error:
            raise ValueError(str(error)) from None
        return self


class RunConfig(Measured):
    """One run: probes on one model."""

    study: Literal["circuit"] = "circuit"
    model: ModelConfig


def load(path: Path, overrides: Sequence[str] = ()) -> LoadedConfig[RunConfig]:
    """Read and validate a config; every mistake is a UserError that names the field and what would be right."""
    data, text = read(path, overrides)
    return LoadedConfig(validate(data, str(path)), path, text, tuple(overrides))


def validate(data: dict[str, Any], where: str) -> RunConfig:
    """A mapping to a RunConfig; the first mistakes are reported in one UserError."""
    return validate_as(RunConfig, data, where)
