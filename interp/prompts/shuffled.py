"""The nonsense task: the same prompts, each asked for another one's answer, by a fixed random pairing of answers.

Two or three answers cannot be paired at random. There the labels are arbitrary: half of the word pairs, drawn, have answer and
foil exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from interp.analysis.controls import LEAST_ANSWERS, random_pairing
from interp.errors import UserError
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
    different answers of fewer than four word pairs.
    """
    texts = [text for prompt_set in sets for pair in prompt_set.pairs for text in (_right(pair), _wrong(pair))]
    if len(set(texts)) < LEAST_ANSWERS:
        return _exchanged(sets, rng)
    pairing = random_pairing(texts, rng)
    known: dict[str, Said] = {}
    for prompt_set in sets:
        known |= _said(prompt_set)
    return [_shuffled(prompt_set, pairing, known | _said(prompt_set)) for prompt_set in sets]


def _exchanged(sets: Sequence[PromptSet], rng: np.random.Generator) -> list[PromptSet]:
    """Answer and foil of half of the word pairs change places."""
    names = sorted({pair.pair for prompt_set in sets for pair in prompt_set.pairs})
    if len(names) < LEAST_ANSWERS:
        raise UserError(
            f"a nonsense task needs {LEAST_ANSWERS} different answers, or {LEAST_ANSWERS} word pairs whose answers can be "
            f"exchanged, but there are {len(names)}; add prompts, or leave it out (nonsense: false)"
        )
    chosen = set(rng.permutation(names)[: len(names) // 2].tolist())

    def turned(prompt_set: PromptSet) -> PromptSet:
        there = [pair.pair in chosen for pair in prompt_set.pairs]
        pairs = tuple(
            replace(pair, answer=pair.foil, answers=pair.foils, foil=pair.answer, foils=pair.answers) if here else pair
            for pair, here in zip(prompt_set.pairs, there, strict=True)
        )
        sides = [
            (wrong, right) if here else (right, wrong)
            for here, right, wrong in zip(there, prompt_set.right, prompt_set.wrong, strict=True)
        ]
        return _asked(prompt_set, pairs, [right for right, _ in sides], [wrong for _, wrong in sides])

    return [turned(prompt_set) for prompt_set in sets]


def _right(pair: PromptPair) -> str:
    """What is right, all of it: of two prompts with the same first answer others may differ."""
    return "|".join(text.strip() for text in (pair.answer, *pair.answers))


def _wrong(pair: PromptPair) -> str:
    return "|".join(text.strip() for text in (pair.foil, *pair.foils))


def _said(prompt_set: PromptSet) -> dict[str, Said]:
    """Text without spaces -> what it is in these prompts: whether a token carries the space is the template's doing."""
    said: dict[str, Said] = {}
    for pair, right, wrong in zip(prompt_set.pairs, prompt_set.right, prompt_set.wrong, strict=True):
        said[_right(pair)], said[_wrong(pair)] = (
            Said(pair.answer.strip(), right, pair.answers),
            Said(pair.foil.strip(), wrong, pair.foils),
        )
    return said


def _shuffled(prompt_set: PromptSet, pairing: dict[str, str], known: dict[str, Said]) -> PromptSet:
    right = [known[pairing[_right(pair)]] for pair in prompt_set.pairs]
    wrong = [known[pairing[_wrong(pair)]] for pair in prompt_set.pairs]
    pairs = tuple(
        replace(pair, answer=answer.text, answers=answer.beside, foil=foil.text, foils=foil.beside)
        for pair, answer, foil in zip(prompt_set.pairs, right, wrong, strict=True)
    )
    return _asked(prompt_set, pairs, [answer.tokens for answer in right], [foil.tokens for foil in wrong])


def _asked(
    prompt_set: PromptSet, pairs: tuple[PromptPair, ...], right: list[Answers], wrong: list[Answers]
) -> PromptSet:
    """The same prompts with other answers: their texts in `pairs`, their tokens in `right` and `wrong`."""
    return replace(
        prompt_set,
        pairs=pairs,
        answer=torch.tensor([tokens[0][0] for tokens in right]),
        foil=torch.tensor([tokens[0][0] for tokens in wrong]),
        answers=tuple(right),
        foils=tuple(wrong),
    )
