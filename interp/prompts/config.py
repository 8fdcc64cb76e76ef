"""The `prompts` section of a run's config."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from interp.configs.section import Section
from interp.prompts.builtin.antonyms import Antonyms
from interp.prompts.roles import RoleSpec
from interp.prompts.task import Task, tasks


class PromptsConfig(Section):
    """Which prompts are asked, where their roles sit, and which of them are kept."""

    task: Annotated[Task, tasks] = Field(
        default=Antonyms(),
        description="What is asked: a task of the literature, or prompts of one's own from a file, a data set or the YAML.",
    )
    roles: dict[str, RoleSpec] = Field(
        default={},
        validate_default=True,
        description="Named positions, those of the task where nothing else is said: `key` (usually the word that is asked about) "
        "and `query` (usually the end). Other names may be used by probes.",
    )
    keep: Literal["all", "correct", "correct_in_every_template"] = Field(
        default="correct",
        description="Keep every prompt; those that the model answers correctly (ranks the answer first; of a choice, above the "
        "foil); or the word pairs that it answers correctly in every template (a balanced design).",
    )
    min_gap: float = Field(
        default=0.1,
        ge=0,
        le=1e6,
        description="Drop pairs whose clean and corrupted metric differ by less, in metric units; those that do not differ at "
        "all are always dropped.",
    )

    @field_validator("roles")
    @classmethod
    def _with_those_of_the_task(cls, roles: dict[str, RoleSpec], info: ValidationInfo) -> dict[str, RoleSpec]:
        task = info.data.get("task")  # missing where it is faulty itself
        return {**task.default_roles, **roles} if isinstance(task, Task) else roles
