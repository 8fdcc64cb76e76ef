"""The schema of one run: everything that a YAML can say, with errors that name the field.

One file says everything about a run. `load` reads it, applies `--set a.b=c` overrides, and validates; the resolved
config, defaults filled in, is saved beside the results and its hash names the run's folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from interp.configs.loading import AnyConfig, LoadedConfig, read, validate_as
from interp.configs.mistakes import Several
from interp.configs.names import same_file
from interp.configs.section import Section
from interp.errors import UserError
from interp.figures.base import Figure, figures
from interp.metrics import LogitDiff, Metric, metrics
from interp.models import ModelConfig
from interp.models.config import ModelSource
from interp.probes import Probe, probes
from interp.prompts.config import PromptsConfig
from interp.prompts.task import Task, tasks
from interp.report.recipe import Recipe, recipes

AnyRecipe = Annotated[Recipe, recipes]
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

    confidence: float = Field(default=0.95, gt=0, lt=1, description="Level of all intervals.")
    n_resamples: int = Field(default=2000, ge=100, le=1_000_000, description="Bootstrap resamples.")


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

    prompts: PromptsConfig = Field(default_factory=PromptsConfig, description="Which prompts are asked.")
    metric: AnyMetric = Field(
        default=LogitDiff(),
        description="What is read at the query position; where nothing is said, the task's usual metric (for most `logit_diff`).",
    )
    share: Share = Field(default=Share(), description="What a share means, and how much is asked for.")
    statistics: StatisticsConfig = Field(default=StatisticsConfig(), description="How intervals are made.")
    probes: tuple[AnyProbe, ...] = Field(
        min_length=1, description="What is measured, in this order; a probe may build on one before it."
    )
    experiment: AnyRecipe | None = Field(
        default=None, description="The recipe that writes the report's sentences; null: a plain report of the figures."
    )
    figures: tuple[AnyFigure, ...] = Field(
        default=(), description="Figures of the report; empty: those that the recipe or the tables' shapes give."
    )
    compute: Compute = Field(default=Compute(), description="Memory and threads.")

    @model_validator(mode="before")
    @classmethod
    def _metric_of_the_task(cls, data: Any) -> Any:
        # Faulty data is left to the fields, which say what is wrong with it.
        task: Any = data
        for name in ("prompts", "task", "kind"):
            task = task.get(name) if isinstance(task, dict) else getattr(task, name, None)
        unsaid = isinstance(data, dict) and "metric" not in data and isinstance(task, str) and task in set(tasks)
        return {**data, "metric": {"kind": tasks[task].usual_metric}} if unsaid else data

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Measured:
        probes_at = {f"probes.{at}": (probe.label, probe.kind) for at, probe in enumerate(self.probes)}
        mistakes = _misfits(probes_at, dict(enumerate(self.figures)), self.experiment)
        if self.prompts.task.pairing == "shuffled" and not self.metric.reads_answers:
            why = f"the metric {self.metric.kind} reads no answer, so other answers ask the same; choose another metric"
            mistakes.append(("prompts.task.pairing", why))
        if why := unsuitable(self.metric, self.prompts.task):
            mistakes.append(("metric", why))
        if mistakes:
            raise Several(mistakes)
        return self

    @classmethod
    def misfits(cls, data: dict[str, Any]) -> list[tuple[str, str]]:
        """What does not fit together among the parts of a faulty config that can be read, each with its place."""
        entries = enumerate(data["probes"] if isinstance(data.get("probes"), list) else [])
        named = {f"probes.{at}": _named(entry) for at, entry in entries}
        readable = {place: probe for place, probe in named.items() if probe is not None}
        given = data["figures"] if isinstance(data.get("figures"), list) else []
        drawn = {at: _readable(AnyFigure, entry) for at, entry in enumerate(given)}
        # Without the kinds of all probes, nobody knows what a figure could have read.
        known = len(readable) == len(named) > 0
        recipe = _readable(AnyRecipe, data.get("experiment")) if known else None
        return _misfits(readable, {at: figure for at, figure in drawn.items() if figure is not None}, recipe, known)


def usual_metric(task: Task) -> Metric:
    """The metric of a config that names none."""
    return metrics[task.usual_metric].model_validate({})


def unsuitable(metric: Metric, task: Task) -> str:
    """Why a metric says nothing about a task; empty where it does."""
    if not task.several_right or metric.reads_several or not metric.reads_answers:
        return ""
    fitting = sorted(kind for kind in metrics if metrics[kind].reads_several and kind != task.usual_metric)
    return (
        f"{metric.kind} reads one right answer, and a prompt of {task.kind} has several; say {task.usual_metric} (the usual one)"
        + "".join(f" or {kind}" for kind in fitting)
    )


def _misfits(
    probes_at: dict[str, tuple[str, str]],
    figures_at: dict[int, Figure],
    experiment: Recipe | None,
    kinds_are_known: bool = True,
) -> list[tuple[str, str]]:
    """Names given twice, and what figures and experiment want of probes that the run does not have.

    A figure list is part of the run's hash, so a mistake in it that shows after the run would cost the whole run.
    """
    mistakes = _twice("probes", {place: label for place, (label, _) in probes_at.items()})
    mistakes += _twice("figures", {f"figures.{at}": figure.stem for at, figure in figures_at.items()})
    kinds = dict(probes_at.values())
    shapes = {label: probes[kind].shapes for label, kind in kinds.items()}
    parts: dict[str, Figure | Recipe | None] = {f"figures.{at}": figure for at, figure in figures_at.items()}
    for place, part in (parts | {"experiment": experiment}).items() if kinds_are_known else ():
        try:
            if isinstance(part, Figure):
                part.check(kinds, shapes)
            elif part is not None:
                part.check(kinds)
        except UserError as error:
            mistakes.append((place, str(error)))
    return mistakes


def _twice(what: str, names: dict[str, str]) -> list[tuple[str, str]]:
    """Names that would be one file; not every disk tells upper from lower case."""
    seen: dict[str, str] = {}
    mistakes = []
    for place, name in names.items():
        if other := seen.get(same_file(name)):
            alike = (
                f"called {name!r}" if name == other else f"called {other!r} and {name!r}, which some disks take for one"
            )
            mistakes.append((place, f"two {what} are {alike}; give one of them another `name`"))
        seen.setdefault(same_file(name), name)
    return mistakes


def _named(entry: Any) -> tuple[str, str] | None:
    """Label and kind of a probe whose settings need not be right; None where there is no such kind."""
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in set(probes):
        return None
    name = entry.get("name")
    return (name if isinstance(name, str) else kind), kind


def _readable(kind: Any, entry: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(entry)
    except ValidationError:
        return None


class RunConfig(Measured):
    """One run: probes on one model."""

    study: Literal["circuit"] = "circuit"
    model: ModelConfig = Field(
        description="The model: a packaged one, a directory, a name of the hub, or of another package."
    )

    @model_validator(mode="after")
    def _logits_are_its_own(self) -> RunConfig:
        if mistakes := moved(self.metric, {"model": self.model}):
            raise Several(mistakes)
        return self


def moved(metric: Metric, models: Mapping[str, ModelSource]) -> list[tuple[str, str]]:
    """The models, each by its place, whose logits are moved by a number that the metric would take for theirs."""
    if not metric.moved_by_a_shift:
        return []
    why = f"the metric {metric.kind} reads a raw logit, which a centred unembedding moves; leave this out"
    asked = {place: getattr(model, "processing", None) for place, model in models.items()}
    return [
        (f"{place}.processing.center_unembed", why)
        for place, processing in asked.items()
        if processing is not None and processing.center_unembed
    ]


def load(path: Path, overrides: Sequence[str] = ()) -> LoadedConfig[RunConfig]:
    """Read and validate a config; every mistake is a UserError that names the field and what would be right."""
    data, text = read(path, overrides)
    return LoadedConfig(validate(data, str(path)), path, text, tuple(overrides))


def validate(data: Mapping[str, object], where: str) -> RunConfig:
    """A mapping to a RunConfig; all mistakes are reported in one UserError."""
    return validate_as(RunConfig, data, where)
