"""The schema of a comparison: a run's config with two or three models in place of one."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from interp.configs.mistakes import Several
from interp.models import ModelConfig
from interp.runs.circuit.config import Measured, RunConfig, moved

LABEL = re.compile(r"[A-Za-z0-9_-]{1,60}")
TAKEN = ("figures", "parts")  # folders that a comparison has besides


class ComparisonConfig(Measured):
    """Two or three models, asked the same. The last is compared with each of the others."""

    study: Literal["comparison"] = "comparison"
    models: dict[str, ModelConfig] = Field(
        description="Two models by label, such as `dense` and `sparse`, or three: the last is compared with each of the others, "
        "so that a control may stand between them."
    )

    @field_validator("models")
    @classmethod
    def _labelled(cls, models: dict[str, ModelConfig]) -> dict[str, ModelConfig]:
        if len(models) not in (2, 3):
            raise ValueError(f"a comparison has two models, or three with a control, not {len(models)}")
        for label in models:
            if not LABEL.fullmatch(label) or label in TAKEN:
                raise ValueError(
                    f"the label {label[:100]!r} names a folder; use letters a to z, digits, - and _, and none of {', '.join(TAKEN)}"
                )
        if len({label.lower() for label in models}) < len(models):
            raise ValueError(
                "two labels name folders that some disks take for one; let them differ in more than capitals"
            )
        return models

    @model_validator(mode="after")
    def _logits_are_their_own(self) -> ComparisonConfig:
        if mistakes := moved(self.metric, {f"models.{label}": model for label, model in self.models.items()}):
            raise Several(mistakes)
        return self

    def arm(self, label: str) -> RunConfig:
        """The run of one model."""
        shared = {name: getattr(self, name) for name in Measured.model_fields}
        title = f"{self.title or self.name}: {label}"
        return RunConfig.model_construct(
            **{**shared, "name": f"{self.name}-{label}", "title": title}, study="circuit", model=self.models[label]
        )
