"""How a study and its findings show themselves in a notebook."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from interp.analysis.findings_of_heads import HeadFindings
from interp.prompts.pairs import PromptSet
from interp.words.numbers import bracket
from interp.words.phrases import percent


def tokens_frame(sets: Sequence[PromptSet]) -> pd.DataFrame:
    """One row a position of the first prompt of every set: template, position (from 1), both tokens, roles."""
    rows = []
    for one in sets:
        for position, (clean, corrupted) in enumerate(
            zip(one.clean_tokens[0], one.corrupted_tokens[0], strict=True), 1
        ):
            roles = [name for name, places in one.roles.items() if position in places]
            rows.append(
                {
                    "template": one.pairs[0].template,
                    "position": position,
                    "clean": clean,
                    "corrupted": corrupted,
                    "role": ", ".join(roles),
                }
            )
    return pd.DataFrame(rows)


def findings_text(findings: HeadFindings) -> str:
    """The conclusion of a search for heads as one sentence."""
    share, target = findings.shares.joint, percent(findings.target)
    if share.n is None:
        return f"No set of heads carries {target} on clusters that the heads were not chosen from."
    heads = ", ".join(head.label for head in share.heads)
    return (
        f"{share.n} of {findings.n_candidates} heads carry {target} on clusters that they were not chosen from (share "
        f"{percent(share.share)}{bracket(share.share_low, share.share_high, percent)}): {heads}."
    )
