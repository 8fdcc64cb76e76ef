"""The nonsense task: the same prompts, each asked for another one's answer, by a fixed random pairing of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from interp.analysis.controls import random_pairing
from interp.prompts.pairs import Answers, PromptSet


@dataclass(frozen=True)
class Said:
    """What stands for an answer: all of its tokens, and those of the right answers beside it, with their texts."""

    tokens: Answers
    beside: tuple[str, ...]


def shuffled_sets(sets: Sequence[PromptSet], rng: np.random.Generator) -> list[PromptSet]:
    """The sets with every answer, and every foil, replaced by the one that the pairing gives; prompts stay as they are.

    Whatever a metric may read is replaced: further tokens, and further right answers. Raises UserError for fewer than four
    different answers.
    """
    texts = [text.strip() for one in sets for pair in one.pairs for text in (pair.answer, pair.foil)]
    pairing = random_pairing(texts, rng)
    known: dict[str, Said] = {}
    for one in sets:
        known |= _said(one)
    return [_shuffled(one, pairing, known | _said(one)) for one in sets]


def _said(one: PromptSet) -> dict[str, Said]:
    """Text without spaces -> what it is in these prompts: whether a token carries the space is the template's doing."""
    found: dict[str, Said] = {}
    for pair, right, wrong in zip(one.pairs, one.right, one.wrong, strict=True):
        found[pair.answer.strip()], found[pair.foil.strip()] = Said(right, pair.answers), Said(wrong, pair.foils)
    return found


def _shuffled(one: PromptSet, pairing: dict[str, str], known: dict[str, Said]) -> PromptSet:
    right = [pairing[pair.answer.strip()] for pair in one.pairs]
    wrong = [pairing[pair.foil.strip()] for pair in one.pairs]
    answers, foils = (tuple(known[text].tokens for text in texts) for texts in (right, wrong))
    pairs = tuple(
        replace(pair, answer=answer, answers=known[answer].beside, foil=foil, foils=known[foil].beside)
        for pair, answer, foil in zip(one.pairs, right, wrong, strict=True)
    )
    return replace(
        one,
        pairs=pairs,
        answer=torch.tensor([tokens[0][0] for tokens in answers]),
        foil=torch.tensor([tokens[0][0] for tokens in foils]),
        answers=answers,
        foils=foils,
    )
