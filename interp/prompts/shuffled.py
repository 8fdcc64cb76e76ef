"""The nonsense task: the same prompts, each asked for another one's answer, by a fixed random pairing of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from interp.analysis.controls import random_pairing
from interp.prompts.pairs import PromptSet


def shuffled_sets(sets: Sequence[PromptSet], rng: np.random.Generator) -> list[PromptSet]:
    """The sets with every answer, and every foil, replaced by the one that the pairing gives; prompts stay as they are.

    Raises UserError for fewer than four different answers.
    """
    texts = [text.strip() for one in sets for pair in one.pairs for text in (pair.answer, pair.foil)]
    pairing = random_pairing(texts, rng)
    known: dict[str, int] = {}
    for one in sets:
        known |= _tokens(one)
    return [_shuffled(one, pairing, known | _tokens(one)) for one in sets]


def _tokens(one: PromptSet) -> dict[str, int]:
    """Text without spaces -> token, of every answer and foil: whether a token carries the space is the template's doing."""
    found: dict[str, int] = {}
    for pair, answer, foil in zip(one.pairs, one.answer.tolist(), one.foil.tolist(), strict=True):
        found[pair.answer.strip()], found[pair.foil.strip()] = answer, foil
    return found


def _shuffled(one: PromptSet, pairing: dict[str, str], tokens: dict[str, int]) -> PromptSet:
    def column(side: str) -> Int[Tensor, " prompt"]:
        return torch.tensor([tokens[pairing[getattr(pair, side).strip()]] for pair in one.pairs])

    pairs = tuple(
        replace(pair, answer=pairing[pair.answer.strip()], foil=pairing[pair.foil.strip()]) for pair in one.pairs
    )
    return replace(one, pairs=pairs, answer=column("answer"), foil=column("foil"))
