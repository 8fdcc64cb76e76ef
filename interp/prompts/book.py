"""The prompts of a run, every prompt that was left out, and why nothing is left where that is so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from interp.errors import UserError
from interp.prompts.encode import Dropped
from interp.prompts.judged import Judged
from interp.prompts.notes import notes
from interp.prompts.pairs import PromptSet

BEYOND = "beyond the task's max_pairs"
FOR_ANOTHER = "left out for another model of the comparison, whose dropped.csv says why"

VARIES = re.compile(r"\S+\|.*$|'(?:[^'\\]|\\.)*'|\"[^\"]*\"|\d+")
"""What differs in a reason from prompt to prompt: texts in quotes, tokens with bars between them, numbers."""


@dataclass(frozen=True)
class PromptBook:
    """The prompt sets of a run, and every prompt that was left out."""

    sets: tuple[PromptSet, ...]
    dropped: tuple[Dropped, ...]
    judged: tuple[tuple[Judged, ...], ...] = ()
    """How each model does on every candidate that could be asked; empty where there was no model to ask."""
    remarks: tuple[str, ...] = ()
    """What the task could not draw from."""

    def __len__(self) -> int:
        return sum(len(prompts) for prompts in self.sets)

    @property
    def notes(self) -> list[str]:
        """Sentences that the prompts should be read with."""
        return [*self.remarks, *notes(self.sets)]


def nothing_left(left: Sequence[object], dropped: Sequence[Dropped], mend: str = "") -> None:
    """UserError with the commonest reason where no prompt is left; `mend` says what else might help."""
    if left:
        return
    # These were fine; the others say what is wrong.
    dropped = [drop for drop in dropped if drop.reason not in (BEYOND, FOR_ANOTHER)]
    raise UserError(f"prompts: no prompt pair is left after filtering; {commonest(dropped)}{mend}")


def commonest(dropped: Sequence[Dropped]) -> str:
    """The commonest reason, with an example: reasons that differ only in the prompt that they quote are one."""
    count, example = reasons(dropped)[0]
    return f"the commonest reason ({count} of {len(dropped)}): {example}"


def reasons(dropped: Sequence[Dropped]) -> list[tuple[int, str]]:
    """Reasons, the commonest first: how many prompts each left out, and the first of them as an example."""
    kinds = Counter(VARIES.sub("", drop.reason) for drop in dropped)
    examples: dict[str, str] = {}
    for drop in dropped:
        examples.setdefault(VARIES.sub("", drop.reason), drop.reason)
    return [(count, examples[kind]) for kind, count in kinds.most_common()]
