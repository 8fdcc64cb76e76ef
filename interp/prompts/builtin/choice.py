"""Tasks with two possible answers: a prompt is right where the model ranks the right one above the other."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from interp.prompts.builtin.generated import Generated


class Choice(Generated):
    """Answer or foil; a coin answers half of the prompts correctly."""

    choice: ClassVar[bool] = True
    min_accuracy: float = Field(
        default=0.75,
        ge=0,
        le=1,
        description="Refuse a model that ranks the answer above the foil in a smaller share of the candidates (0.5 is chance); "
        "`keep: all` measures it nevertheless.",
    )
