"""The `prompts` section of a run's config."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from interp.configs.section import Section
from interp.prompts.antonyms import Antonyms
from interp.prompts.roles import RoleSpec
from interp.prompts.task import Task, tasks


class PromptsConfig(Section):
    """Which prompts are asked, where their roles sit, and which of them are kept."""

    model_config = ConfigDict(defer_build=True)  # until the plugins are loaded, whose tasks it takes

    task: Annotated[Task, tasks] = Antonyms()
    roles: dict[str, RoleSpec] = Field(
        default={"key": RoleSpec(token="{word}"), "query": RoleSpec(position="end")},
        description="Named positions. `key` and `query` are required; other names may be used by probes.",
    )
    keep: Literal["all", "correct", "correct_in_every_template"] = Field(
        default="correct",
        description="Keep every prompt; those whose answer the model ranks first; or the word pairs that it answers "
        "correctly in every template (a balanced design).",
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
    def _key_and_query(cls, roles: dict[str, RoleSpec]) -> dict[str, RoleSpec]:
        for name in ("key", "query"):
            if name not in roles:
                raise ValueError(f"the role {name!r} is missing")
        return roles
