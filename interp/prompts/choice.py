"""Which of a run's prompts a probe measures on."""

from __future__ import annotations

from typing import Literal

PromptChoice = Literal["all", "focus_template", "focus"]
