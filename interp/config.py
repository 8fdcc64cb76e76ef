"""The schema of one run: everything that a YAML can say, with errors that name the field.

One file says everything about a run. `load` reads it, applies `--set a.b=c` overrides, and validates; the resolved
config, defaults filled in, is saved beside the results and its hash names the run's folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from interp.errors import UserError
from interp.experiment import Experiment, experiments
from interp.figures.base import Figure, figures
from interp.metrics import LogitDiff, Metric, metrics
from interp.mistakes import Several
from interp.models import ModelConfig
from interp.probes import Probe, probes
from interp.prompts.config import PromptsConfig
from interp.section import Section
from interp.yaml_config import AnyConfig, LoadedConfig, read, validate_as

AnyExperiment = Annotated[Experiment, experiments]
AnyFigure = Annotated[Figure, figures]
AnyMetric = Annotated[Metric, metrics]
AnyProbe = Annotated[Probe, probes]


class Share(Section):
    """What "these heads carry 80 %" means (docs/definitions.md, Share); all three definitions are always computed."""

    target: float = Field(default=0.8, gt=0, le=1, description="The share to account for.")
    definition: Literal["joint", "absolute", "net"] = Field(
        default="joint", description="The definition that selects heads and is printed on figures."
    )


class StatisticsConfig(Section):
    """Bootstrap intervals, clustered by word pair."""

    confidence: float = Field(default=0.95, gt=0, lt=1)
    n_resamples: int = Field(default=2000, ge=100, le=1_000_000)


class Compute(Section):
    """What the run may use."""

    memory_gb: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        description="For the activations of one batch, in GiB; null: a quarter of the free memory. Batches never get larger "
        "than pays, so on most machines it changes nothing.",
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="CPU threads of torch; null leaves its default."
    )


class Measured(AnyConfig):
    """What is asked and measured, whatever the model."""

    model_config = ConfigDict(defer_build=True)  # until the plugins are loaded, whose kinds it takes

    prompts: PromptsConfig = Field(default_factory=PromptsConfig)
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
    def _parts_fit_together(self) -> Measured:
        # A figure list is part of the run's hash, so a mistake in it that shows after the run would cost the whole run.
        found = [*_twice("probes", "probes", [probe.label for probe in self.probes])]
        found += _twice("figures", "figures", [figure.stem for figure in self.figures])
        kinds = {probe.label: probe.kind for probe in self.probes}
        parts: dict[str, Figure | Experiment | None] = {f"figures.{at}": one for at, one in enumerate(self.figures)}
        for place, part in (parts | {"experiment": self.experiment}).items():
            try:
                if part is not None:
                    part.check(kinds)
            except UserError as error:
                found.append((place, str(error)))
        if found:
            raise Several(found)
        return self


def _twice(place: str, what: str, names: Sequence[str]) -> list[tuple[str, str]]:
    return [
        (f"{place}.{at}", f"two {what} are called {name!r}; give one of them another `name`")
        for at, name in enumerate(names)
        if name in names[:at]
    ]


class RunConfig(Measured):
    """One run: probes on one model."""

    study: Literal["circuit"] = "circuit"
    model: ModelConfig


def load(path: Path, overrides: Sequence[str] = ()) -> LoadedConfig[RunConfig]:
    """Read and validate a config; every mistake is a UserError that names the field and what would be right."""
    data, text = read(path, overrides)
    return LoadedConfig(validate(data, str(path)), path, text, tuple(overrides))


def validate(data: dict[str, Any], where: str) -> RunConfig:
    """A mapping to a RunConfig; all mistakes are reported in one UserError."""
    return validate_as(RunConfig, data, where)
