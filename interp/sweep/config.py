"""The `sweep` section of a YAML: which fields take which values, how the points are carried out, and how they are told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from interp.configs.section import Section

MOST_POINTS = 100_000
Levels = list[Any] | dict[str, Any]


class Local(Section):
    """Processes on this machine."""

    kind: Literal["local"] = "local"
    jobs: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Processes at a time; null: one a GPU where there are several, else one for every two cores.",
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="CPU threads of each; null: the cores, shared out evenly."
    )


class Slurm(Section):
    """Jobs of a Slurm cluster, submitted as one array by submitit."""

    kind: Literal["slurm"] = "slurm"
    cluster: Literal["slurm", "local", "debug"] = Field(
        default="slurm",
        description="submitit's: slurm; local (processes) and debug (this very process) try a study out.",
    )
    minutes: int = Field(
        default=240, ge=1, le=525_600, description="Time limit of a job; one that is cut off is queued again."
    )
    cpus: int = Field(default=4, ge=1, le=4096, description="Cores of a job.")
    gpus: int = Field(default=0, ge=0, le=1024, description="GPUs of a job.")
    memory_gb: float | None = Field(
        default=None, gt=0, le=65_536, description="Memory of a job; null: the cluster's default."
    )
    partition: str | None = Field(default=None, description="Partition; null: the cluster's default.")
    account: str | None = Field(default=None, description="Account that is charged; null: the cluster's default.")
    at_once: int = Field(
        default=100, ge=1, le=MOST_POINTS, description="Jobs of the array that may run at the same time."
    )
    points_per_job: int = Field(
        default=16,
        ge=1,
        le=MOST_POINTS,
        description="At most so many points in a job; all points of a job are of one model.",
    )
    setup: list[str] = Field(default_factory=list, description="Shell lines that a job begins with (module load ...).")
    more: dict[str, str | int | bool] = Field(
        default_factory=dict, description="Further sbatch options by their long names, such as {qos: low}."
    )


AnyExecutor = Annotated[Local | Slurm, Field(discriminator="kind")]


class Reference(Section):
    """Ratios of every other level of an axis to one of them: how many times fewer heads the sparse model needs."""

    axis: str = Field(description="Name of the axis.")
    level: str = Field(description="The level that the others are compared with.")


class SweepConfig(Section):
    """Every combination of the levels of `grid`, and besides them the `points`."""

    title: str = Field(default="", description="The study report's; default: the config's own title.")
    question: str = Field(default="", description="The question that the study report answers.")
    grid: dict[str, Levels] = Field(
        default_factory=dict,
        description="Axis -> levels. An axis that is named as a field (`seed`, `prompts.task`) has values, in a list or by "
        "name. Any other axis has, by name, fields with their values.",
    )
    points: list[dict[str, Any]] | dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Single points, each as fields with their values; in a list or by name."
    )
    repeats: list[str] | None = Field(
        default=None,
        description="Axes that repeat a measurement (seeds, wordings): the study report summarises over them. "
        "null: the axis `seed`, where there is one.",
    )
    reference: Reference | None = Field(default=None, description="What ratios are taken to; null: no ratios.")
    reports: bool = Field(
        default=False, description="Draw every point's own report, too; it can be had later by `interp report`."
    )
    executor: AnyExecutor = Field(default=Local(), description="Where the points are carried out.")

    @field_validator("grid")
    @classmethod
    def _levels(cls, grid: dict[str, Levels]) -> dict[str, Levels]:
        for axis, levels in grid.items():
            if not levels:
                raise ValueError(f"the axis {axis!r} has no levels; give it values, or leave it out")
        return grid
