"""From a task's candidates to the prompt sets of a run: what the tokenizer, the model and the metric let through."""

from __future__ import annotations

import gc
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from interp.errors import UserError
from interp.prompts.config import PromptsConfig
from interp.prompts.encode import Dropped, Encoded, batch, encode
from interp.prompts.encoder import Encoder
from interp.prompts.judged import Asked, Judged, judge
from interp.prompts.notes import notes
from interp.prompts.pairs import PromptPair, PromptSet
from interp.prompts.pieces import shown
from interp.prompts.shuffled import shuffled_sets

# A smaller gap is rounding in float32: effects divided by it would be noise, or infinite.
NO_GAP = 1e-6
BEYOND = "beyond the task's max_pairs"

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
        return sum(len(one) for one in self.sets)

    @property
    def notes(self) -> list[str]:
        """Sentences that the prompts should be read with."""
        return [*self.remarks, *notes(self.sets)]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, which goes through all prompts whenever some more were made: a third of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@_uncollected()
def choose_prompts(
    config: PromptsConfig, encoder: Encoder, models: Sequence[Asked], rng: np.random.Generator
) -> PromptBook:
    """Candidates -> tokens -> (the models' answers) -> corrupted prompts -> sets.

    With several models a prompt is kept when all of them pass it, so that they are compared on the same prompts. Raises
    UserError when nothing is left, with the commonest reason.
    """
    task = config.task
    drawn = task.draw(encoder, rng)
    _same_tokens(encoder)
    candidates = [pair if pair.id == number else replace(pair, id=number) for number, pair in enumerate(drawn.pairs)]
    encoded, dropped = encode(candidates, encoder, config.roles, task.strict, task.any_length)
    _same_tokens(encoder)
    judged = tuple(tuple(judge(encoded, ask, encoder, task.choice)) for ask in models)
    if models and config.keep != "all":
        for answers in judged:
            asked = Counter(one.template for one in answers)
            if why := task.refusal(Counter(one.template for one in answers if one.right), asked):
                raise UserError(f"prompts.task: {why}; `keep: all` measures the prompts whatever the model answers")
        # Of two models that are wrong, the first one's words.
        everyone = {
            one.pair.id: f"the model {'prefers' if task.choice else 'answers'} {said.said!r}"
            for answers in reversed(judged)
            for one, said in zip(encoded, answers, strict=True)
            if not said.right
        }
        answered, left_out = _answered(encoded, everyone, config.keep == "correct_in_every_template", task.any_length)
        dropped += left_out
        _nothing_left(
            answered, dropped, "" if not encoded else "; `keep: all` measures prompts that are answered otherwise, too"
        )
        encoded = answered
    _nothing_left(encoded, dropped)
    try:
        kept = task.corrupt([one.pair for one in encoded], rng)
    except UserError as error:
        # Often too few words are left because the rest was dropped for a mistake in the config.
        why = f" ({len(dropped)} prompts were already left out, {_commonest(dropped)})" if dropped else ""
        raise UserError(f"{error}{why}") from None
    chosen = {pair.id for pair in kept}
    dropped += [Dropped(one.pair.pair, one.pair.template, BEYOND) for one in encoded if one.pair.id not in chosen]
    asked_for = {one.pair.id: one for one in encoded}
    corrupted = [_corrupted(asked_for, pair, task.kind) for pair in kept]
    sets: list[PromptSet] = []
    first = 0
    templates: dict[str, list[Encoded]] = defaultdict(list)
    for one in corrupted:
        templates[one.pair.template].append(one)
    for number, members in enumerate(templates.values()):
        made, wrong = batch(f"t{number}", members, range(len(members)), encoder, task.strict)
        dropped += wrong
        if made is not None:
            sets.append(_renumbered(made, first))
            first += len(made)
    _same_tokens(encoder)
    _nothing_left(sets, dropped)
    if task.pairing == "shuffled":
        try:
            sets = shuffled_sets(sets, rng)
        except UserError as error:
            raise UserError(f"prompts.task.pairing: {error}") from None
    return PromptBook(tuple(sets), tuple(dropped), judged, drawn.remarks)


def drop_without_gap(
    book: PromptBook, gaps: Sequence[Sequence[float]], min_gap: float, strict: bool = False
) -> PromptBook:
    """Leave out the pairs whose clean-corrupted gap (metric units, one list a set) is below `min_gap` in size.

    Pairs without any gap (NO_GAP) go whatever `min_gap` says.
    """
    min_gap = max(min_gap, NO_GAP)
    sets: list[PromptSet] = []
    dropped = list(book.dropped)
    first = 0
    for one, gap in zip(book.sets, gaps, strict=True):
        rows = [row for row, size in enumerate(gap) if abs(size) >= min_gap]
        for row in sorted(set(range(len(one))) - set(rows)):
            reason = f"the clean-corrupted gap {gap[row]:.3g} is below min_gap {min_gap:g}"
            if strict:
                raise UserError(f"prompt {shown(one.pairs[row].clean)}: {reason}, so no normalised effect is defined")
            dropped.append(Dropped(one.pairs[row].pair, one.pairs[row].template, reason))
        if rows:
            sets.append(_renumbered(one.take(rows), first))
            first += len(rows)
    _nothing_left(sets, dropped, "; min_gap says how small a gap may be")
    return replace(book, sets=tuple(sets), dropped=tuple(dropped))


def _same_tokens(encoder: Encoder) -> None:
    """UserError where models that are asked the same read another prompt each: leaving that one out would hide it."""
    if encoder.differs_on:
        raise UserError(f"prompts: {encoder.differs_on}")


def _renumbered(one: PromptSet, first: int) -> PromptSet:
    return replace(one, prompts=tuple(range(first, first + len(one))))


def _corrupted(encoded: Mapping[int, Encoded], pair: PromptPair, task: str) -> Encoded:
    """The tokens of a candidate, for its pair with a corrupted prompt."""
    one = encoded.get(pair.id)
    if one is None or (one.pair.clean, one.pair.answer, one.pair.template) != (pair.clean, pair.answer, pair.template):
        raise ValueError(f"task {task!r}: corrupt() must keep id, clean, answer and template of a pair, unlike {pair}")
    return one if pair is one.pair else replace(one, pair=pair)


def _answered(
    encoded: list[Encoded], wrong: Mapping[int, str], everywhere: bool, own: bool
) -> tuple[list[Encoded], list[Dropped]]:
    """The prompts that are answered correctly; with `everywhere`, those of word pairs that are in every template.

    With `own`, a word pair need not stand in every template: it must be right in those that it stands in.
    """
    templates = {one.pair.template for one in encoded}
    prompts: dict[str, list[Encoded]] = defaultdict(list)
    for one in encoded:
        prompts[one.pair.pair].append(one)
    short: dict[str, str] = {}
    for pair, mine in prompts.items() if everywhere else ():
        short[pair] = _not_everywhere(mine, wrong, len({one.pair.template for one in mine} if own else templates))
    kept: list[Encoded] = []
    dropped: list[Dropped] = []
    for one in encoded:
        reason = wrong.get(one.pair.id) or short.get(one.pair.pair)
        if reason:
            dropped.append(Dropped(one.pair.pair, one.pair.template, reason))
        else:
            kept.append(one)
    return kept, dropped


def _not_everywhere(mine: Sequence[Encoded], wrong: Mapping[int, str], n_templates: int) -> str:
    """Why the prompts of a word pair are not all answered, in every template; empty when they are."""
    right = [one for one in mine if one.pair.id not in wrong]
    n_right = len({one.pair.template for one in right})
    if n_right < n_templates:
        return f"right here, but only in {n_right} of {n_templates} templates"
    # A word pair may have several prompts of one template.
    return (
        ""
        if len(right) == len(mine)
        else f"right here, but only in {len(right)} of the {len(mine)} prompts of its pair"
    )


def _nothing_left(left: Sequence[object], dropped: Sequence[Dropped], mend: str = "") -> None:
    if left:
        return
    # What was beyond max_pairs was fine; the others say what is wrong.
    dropped = [one for one in dropped if one.reason != BEYOND]
    raise UserError(f"prompts: no prompt pair is left after filtering; {_commonest(dropped)}{mend}")


def _commonest(dropped: Sequence[Dropped]) -> str:
    """The commonest reason, with an example: reasons that differ only in the prompt that they quote are one."""
    kinds = Counter(VARIES.sub("", one.reason) for one in dropped)
    kind, count = kinds.most_common(1)[0]
    example = next(one.reason for one in dropped if VARIES.sub("", one.reason) == kind)
    return f"the commonest reason ({count} of {len(dropped)}): {example}"
