"""What a run's prompts should be read with: nothing that is wrong, but much that is seldom meant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from interp.configs.lazy import lazy
from interp.prompts.pairs import PromptPair, PromptSet
from interp.prompts.pieces import shown

if TYPE_CHECKING:
    import torch
else:
    torch = lazy("torch")

SHOWN = 3  # examples in a note
NUMBERS = 10  # prompts of an example: a file may say the same 10^5 times


def notes(sets: Sequence[PromptSet]) -> list[str]:
    """One sentence each: a beginning-of-sequence token that the model sees twice, prompts that are asked twice, and prompts
    that are the same but count as independent."""
    return [*_two_beginnings(sets), *_twice(sets)]


def _two_beginnings(sets: Sequence[PromptSet]) -> Iterable[str]:
    for prompts in sets:
        if not prompts.bos:
            continue
        again = (prompts.clean[:, prompts.bos] == prompts.clean[:, 0]) | (
            prompts.corrupted[:, prompts.bos] == prompts.clean[:, 0]
        )
        if again.any():
            row = int(again.int().argmax())
            yield (
                f"the beginning-of-sequence token is given twice in {int(again.sum())} of {len(prompts)} prompts of wording "
                f"{prompts.pairs[row].template!r}, once by the text and once by model.prepend_bos; take it out of the text, or "
                "say model.prepend_bos: false"
            )


def _twice(sets: Sequence[PromptSet]) -> Iterable[str]:
    """By tokens: texts may differ where tokens do not."""
    pairs = [(number, pair) for prompts in sets for number, pair in zip(prompts.prompts, prompts.pairs, strict=True)]
    same = _alike(
        [_rows(prompts.clean, prompts.corrupted, prompts.answer[:, None], prompts.foil[:, None]) for prompts in sets],
        pairs,
    )
    asked = _alike([_rows(prompts.clean) for prompts in sets], pairs)
    if same:
        yield (
            f"the same pair (clean and corrupted prompt, answer and foil) stands more than once and counts as often: "
            f"{_examples(same)}"
        )
    apart = [group for group in asked if len({pair.pair for _, pair in group}) > 1]
    if apart:
        yield (
            "the same clean prompt is in several clusters, which intervals take for independent, so they are too narrow: "
            f"{_examples(apart)}"
        )


def _rows(*tensors: Int[torch.Tensor, "prompt _"]) -> list[bytes]:
    """The numbers of every row, as something that can be counted quickly."""
    joined = np.concatenate([tensor.numpy() for tensor in tensors], axis=1)
    rows: list[bytes] = joined.view(f"V{joined.shape[1] * joined.itemsize}")[:, 0].tolist()
    return rows


def _alike(rows: Sequence[list[bytes]], pairs: Sequence[tuple[int, PromptPair]]) -> list[list[tuple[int, PromptPair]]]:
    """The numbered pairs whose rows stand more than once, those with the same row together."""
    every = [row for some in rows for row in some]
    times = Counter(every)
    alike: dict[bytes, list[tuple[int, PromptPair]]] = defaultdict(list)
    if len(times) < len(every):
        for row, pair in zip(every, pairs, strict=True):
            if times[row] > 1:
                alike[row].append(pair)
    return list(alike.values())


def _examples(groups: Sequence[Sequence[tuple[int, PromptPair]]]) -> str:
    named = [
        f"prompts {_numbers([number for number, _ in group])} ({shown(group[0][1].clean)})" for group in groups[:SHOWN]
    ]
    more = len(groups) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def _numbers(prompts: Sequence[int]) -> str:
    more = len(prompts) - NUMBERS
    return ", ".join(map(str, prompts[:NUMBERS])) + (f" and {more:,} more" if more > 0 else "")
