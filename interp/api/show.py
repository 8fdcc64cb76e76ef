"""How a study shows itself in a notebook."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from interp.prompts.pairs import PromptSet


def tokens_frame(sets: Sequence[PromptSet]) -> pd.DataFrame:
    """One row a position of the first prompt of every set: template, position (from 1), both tokens, roles."""
    rows = []
    for prompt_set in sets:
        for position, (clean, corrupted) in enumerate(
            zip(prompt_set.clean_tokens[0], prompt_set.corrupted_tokens[0], strict=True), 1
        ):
            roles = [name for name, places in prompt_set.roles.items() if position in places]
            rows.append(
                {
                    "template": prompt_set.pairs[0].template,
                    "position": position,
                    "clean": clean,
                    "corrupted": corrupted,
                    "role": ", ".join(roles),
                }
            )
    return pd.DataFrame(rows)
