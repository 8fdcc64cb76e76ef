"""What a run's prompts should be read with: nothing that is wrong, but much that is seldom meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from interp.prompts.pairs import PromptPair, PromptSet
from interp.prompts.pieces import shown

SHOWN = 3  # examples in a note
NUMBERS = 10  # prompts of an example: a file may say the same 10^5 times


def notes(sets: Sequence[PromptSet]) -> list[str]:
    """One sentence each: a beginning-of-sequence token that the model sees twice, prompts that are asked twice, and prompts
    that are the same but count as independent."""
    return [*_two_beginnings(sets), *_twice(sets)]


def _two_beginnings(sets: Sequence[PromptSet]) -> Iterable[str]:
    for one in sets:
        if not one.bos:
            continue
        again = (one.clean[:, one.bos] == one.clean[:, 0]) | (one.corrupted[:, one.bos] == one.clean[:, 0])
        if again.any():
            row = int(again.int().argmax())
            yield (
                f"the beginning-of-sequence token is given twice in {int(again.sum())} of {len(one)} prompts of wording "
                f"{one.pairs[row].template!r}, once by the text and once by model.prepend_bos; take it out of the text, or "
                "say model.prepend_bos: false"
            )


def _twice(sets: Sequence[PromptSet]) -> Iterable[str]:
    """By tokens: texts may differ where tokens do not."""
    same: dict[Any, list[tuple[int, PromptPair]]] = defaultdict(list)
    asked: dict[Any, list[tuple[int, PromptPair]]] = defaultdict(list)
    for one in sets:
        columns = (one.clean.tolist(), one.corrupted.tolist(), one.answer.tolist(), one.foil.tolist())
        for number, pair, clean, *rest in zip(one.prompts, one.pairs, *columns, strict=True):
            same[tuple(clean), tuple(rest[0]), *rest[1:]].append((number, pair))
            asked[tuple(clean)].append((number, pair))
    doubled = [found for found in same.values() if len(found) > 1]
    if doubled:
        yield (
            f"the same pair (clean and corrupted prompt, answer and foil) stands more than once and counts as often: "
            f"{_examples(doubled)}"
        )
    apart = [found for found in asked.values() if len({pair.pair for _, pair in found}) > 1]
    if apart:
        yield (
            "the same clean prompt is in several clusters, which intervals take for independent, so they are too narrow: "
            f"{_examples(apart)}"
        )


def _examples(found: Sequence[Sequence[tuple[int, PromptPair]]]) -> str:
    named = [f"prompts {_numbers([number for number, _ in one])} ({shown(one[0][1].clean)})" for one in found[:SHOWN]]
    more = len(found) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def _numbers(prompts: Sequence[int]) -> str:
    more = len(prompts) - NUMBERS
    return ", ".join(map(str, prompts[:NUMBERS])) + (f" and {more:,} more" if more > 0 else "")
