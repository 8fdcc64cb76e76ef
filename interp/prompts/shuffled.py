"""The nonsense task: the same prompts, each asked for another one's answer, by a fixed random pairing of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from interp.analysis.controls import random_pairing
from interp.prompts.pairs import Answers, PromptPair, PromptSet


@dataclass(frozen=True)
class Said:
    """What stands for an answer: its text, all of its tokens, and those of the right answers beside it, with their texts."""

    text: str
    tokens: Answers
    beside: tuple[str, ...]


def shuffled_sets(sets: Sequence[PromptSet], rng: np.random.Generator) -> list[PromptSet]:
    """The sets with every answer, and every foil, replaced by the one that the pairing gives; prompts stay as they are.

    Whatever a metric may read is replaced: further tokens, and further right answers. Raises UserError for fewer than four
    different answers.
    """
    texts = [text for one in sets for pair in one.pairs for text in (_right(pair), _wrong(pair))]
    pairing = random_pairing(texts, rng)
    known: dict[str, Said] = {}
    for one in sets:
        known |= _said(one)
    return [_shuffled(one, pairing, known | _said(one)) for one in sets]


def _right(pair: PromptPair) -> str:
    """What is right, all of it: of two prompts with the same first answer others may differ."""
    return "|".join(text.strip() for text in (pair.answer, *pair.answers))


def _wrong(pair: PromptPair) -> str:
    return "|".join(text.strip() for text in (pair.foil, *pair.foils))


def _said(one: PromptSet) -> dict[str, Said]:
    """Text without spaces -> what it is in these prompts: whether a token carries the space is the template's doing."""
    found: dict[str, Said] = {}
    for pair, right, wrong in zip(one.pairs, one.right, one.wrong, strict=True):
        found[_right(pair)], found[_wrong(pair)] = (
            Said(pair.answer.strip(), right, pair.answers),
            Said(pair.foil.strip(), wrong, pair.foils),
        )
    return found


def _shuffled(one: PromptSet, pairing: dict[str, str], known: dict[str, Said]) -> PromptSet:
    right = [known[pairing[_right(pair)]] for pair in one.pairs]
    wrong = [known[pairing[_wrong(pair)]] for pair in one.pairs]
    pairs = tuple(
        replace(pair, answer=answer.text, answers=answer.beside, foil=foil.text, foils=foil.beside)
        for pair, answer, foil in zip(one.pairs, right, wrong, strict=True)
    )
    return replace(
        one,
        pairs=pairs,
        answer=torch.tensor([answer.tokens[0][0] for answer in right]),
        foil=torch.tensor([foil.tokens[0][0] for foil in wrong]),
        answers=tuple(answer.tokens for answer in right),
        foils=tuple(foil.tokens for foil in wrong),
    )
