"""Which of a run's prompts a probe measures on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

PromptChoice = Literal["all", "focus_template", "focus"]
ChoiceOfPrompts = Annotated[
    PromptChoice, Field(description="All prompts, those of the focus prompt's template, or the focus prompt alone.")
]
"""A probe's field `prompts`, whatever its default."""
