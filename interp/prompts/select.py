"""From a task's candidates to the prompt sets of a run: what the tokenizer, the model and the metric let through."""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from interp.errors import UserError
from interp.prompts.book import BEYOND, FOR_ANOTHER, PromptBook, commonest, nothing_left
from interp.prompts.config import PromptsConfig
from interp.prompts.encode import Dropped, Encoded, batch, encode
from interp.prompts.encoder import Encoder
from interp.prompts.judged import Asked, judge
from interp.prompts.pairs import PromptPair, PromptSet
from interp.prompts.pieces import shown
from interp.prompts.shuffled import shuffled_sets
from interp.prompts.together import Agreed, numbered_alike, same_places

# A smaller gap is rounding in float32: effects divided by it would be noise, or infinite.
NO_GAP = 1e-6


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


@dataclass(frozen=True)
class Reader:
    """Who reads the candidates: a tokenizer, and the models behind it that answer them (none: nobody is asked)."""

    encoder: Encoder
    models: tuple[Asked, ...] = ()


def choose_prompts(
    config: PromptsConfig, encoder: Encoder, models: Sequence[Asked], rng: np.random.Generator
) -> PromptBook:
    """The prompts of a run with one tokenizer; see `choose_for_all`."""
    return choose_for_all(config, [Reader(encoder, tuple(models))], rng)[0]


@_uncollected()
def choose_for_all(config: PromptsConfig, readers: Sequence[Reader], rng: np.random.Generator) -> list[PromptBook]:
    """Candidates -> tokens -> (the models' answers) -> corrupted prompts -> sets; a book for each reader.

    A prompt is kept when all readers can read it and all of their models pass it, so that they are compared on the same
    prompts, which have the same numbers in every book, whatever their tokens. Raises UserError when nothing is left, with
    the commonest reason.
    """
    task = config.task
    drawn = task.draw(Agreed([reader.encoder for reader in readers]), rng)
    candidates = [pair if pair.id == number else replace(pair, id=number) for number, pair in enumerate(drawn.pairs)]
    tables = [
        _Table(reader, *encode(candidates, reader.encoder, config.roles, task.strict, task.any_length))
        for reader in readers
    ]
    _kept_by_all(tables)
    judged = [
        tuple(tuple(judge(table.encoded, ask, table.encoder, task.choice)) for ask in table.reader.models)
        for table in tables
    ]
    if any(judged) and config.keep != "all":
        for answers in chain.from_iterable(judged):
            asked = Counter(answer.template for answer in answers)
            if why := task.refusal(Counter(answer.template for answer in answers if answer.right), asked):
                raise UserError(f"prompts.task: {why}; `keep: all` measures the prompts whatever the model answers")
        # Of two models that are wrong, the first one's words.
        wrong = {
            prompt.pair.id: f"the model {'prefers' if task.choice else 'answers'} {said.said!r}"
            for table, mine in reversed(list(zip(tables, judged, strict=True)))
            for answers in reversed(mine)
            for prompt, said in zip(table.encoded, answers, strict=True)
            if not said.right
        }
        for table in tables:
            mend = "; `keep: all` measures prompts that are answered otherwise, too" if table.encoded else ""
            table.keep(*_answered(table.encoded, wrong, config.keep == "correct_in_every_template", task.any_length))
            nothing_left(table.encoded, table.dropped, mend)
        _kept_by_all(tables)
    first = tables[0]
    nothing_left(first.encoded, [drop for table in tables for drop in table.dropped])
    try:
        kept = task.corrupt([prompt.pair for prompt in first.encoded], rng)
    except UserError as error:
        # Often too few words are left because the rest was dropped for a mistake in the config.
        lost = first.dropped
        why = f" ({len(lost)} prompts were already left out, {commonest(lost)})" if lost else ""
        raise UserError(f"{error}{why}") from None
    _must_be_kept(first.encoded, kept, task.kind)
    for table in tables:
        table.batch(kept, task.strict)
    books = numbered_alike(
        [
            PromptBook(tuple(table.sets), tuple(table.dropped), mine, drawn.remarks)
            for table, mine in zip(tables, judged, strict=True)
        ]
    )
    nothing_left(books[0].sets, [drop for book in books for drop in book.dropped])
    if len(books) > 1:
        same_places(books, config.roles)
    if task.pairing == "shuffled":
        try:
            # The same pairing for every reader.
            return [replace(book, sets=tuple(shuffled_sets(book.sets, deepcopy(rng)))) for book in books]
        except UserError as error:
            raise UserError(f"prompts.task.pairing: {error}") from None
    return books


class _Table:
    """What one reader makes of the candidates, on the way to its sets."""

    def __init__(self, reader: Reader, encoded: list[Encoded], dropped: list[Dropped]) -> None:
        self.reader, self.encoder = reader, reader.encoder
        self.encoded, self.dropped = encoded, dropped
        self.sets: list[PromptSet] = []

    def keep(self, encoded: list[Encoded], dropped: list[Dropped]) -> None:
        """Go on with these, and without those."""
        self.encoded = encoded
        self.dropped += dropped

    def batch(self, kept: Sequence[PromptPair], strict: bool) -> None:
        """The sets of the pairs that the task chose, with their corrupted prompts; a template, which has one length, is a set."""
        asked_for = {prompt.pair.id: prompt for prompt in self.encoded}
        chosen = {pair.id for pair in kept}
        self.dropped += [
            Dropped(prompt.pair.pair, prompt.pair.template, BEYOND)
            for prompt in self.encoded
            if prompt.pair.id not in chosen
        ]
        templates: dict[str, list[Encoded]] = defaultdict(list)
        for pair in kept:
            templates[pair.template].append(replace(asked_for[pair.id], pair=pair))
        for number, members in enumerate(templates.values()):
            made, wrong = batch(f"t{number}", members, range(len(members)), self.encoder, strict)
            self.dropped += wrong
            if made is not None:
                self.sets.append(made)
        nothing_left(self.sets, self.dropped)


def _kept_by_all(tables: Sequence[_Table]) -> None:
    """Leave out of every table the candidates that another one has not; all are in the first one's order."""
    everywhere = set.intersection(*({prompt.pair.id for prompt in table.encoded} for table in tables))
    order = [prompt.pair.id for prompt in tables[0].encoded if prompt.pair.id in everywhere]
    for table in tables:
        own = {prompt.pair.id: prompt for prompt in table.encoded}
        lost = [prompt.pair for prompt in table.encoded if prompt.pair.id not in everywhere]
        table.keep([own[pair] for pair in order], [Dropped(pair.pair, pair.template, FOR_ANOTHER) for pair in lost])
    for first, *others in zip(*(table.encoded for table in tables), strict=True):
        for other in others:
            if first.pair.template != other.pair.template:
                raise UserError(
                    f"prompts: {shown(first.pair.clean)} has {len(first.tokens)} tokens to one model and {len(other.tokens)} to "
                    "another; prompts of several lengths can be compared between models of one tokenizer alone, others need a "
                    "task whose templates give one length each"
                )


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
    for prompt_set, gap in zip(book.sets, gaps, strict=True):
        rows = [row for row, size in enumerate(gap) if abs(size) >= min_gap]
        for row in sorted(set(range(len(prompt_set))) - set(rows)):
            reason = f"the clean-corrupted gap {gap[row]:.3g} is below min_gap {min_gap:g}"
            if strict:
                raise UserError(
                    f"prompt {shown(prompt_set.pairs[row].clean)}: {reason}, so no normalised effect is defined"
                )
            dropped.append(Dropped(prompt_set.pairs[row].pair, prompt_set.pairs[row].template, reason))
        if rows:
            sets.append(_renumbered(prompt_set.take(rows), first))
            first += len(rows)
    nothing_left(sets, dropped, "; min_gap says how small a gap may be")
    return replace(book, sets=tuple(sets), dropped=tuple(dropped))


def _renumbered(prompts: PromptSet, first: int) -> PromptSet:
    return replace(prompts, prompts=tuple(range(first, first + len(prompts))))


def _must_be_kept(encoded: Sequence[Encoded], kept: Sequence[PromptPair], task: str) -> None:
    """A task gives a pair its corrupted prompt and leaves the rest of it as it is; ValueError otherwise."""
    known = {prompt.pair.id: (prompt.pair.clean, prompt.pair.answer, prompt.pair.template) for prompt in encoded}
    for pair in kept:
        if known.get(pair.id) != (pair.clean, pair.answer, pair.template):
            raise ValueError(
                f"task {task!r}: corrupt() must keep id, clean, answer and template of a pair, unlike {pair}"
            )


def _answered(
    encoded: list[Encoded], wrong: Mapping[int, str], everywhere: bool, own: bool
) -> tuple[list[Encoded], list[Dropped]]:
    """The prompts that are answered correctly; with `everywhere`, those of word pairs that are in every template.

    With `own`, a word pair need not stand in every template: it must be right in those that it stands in.
    """
    templates = {prompt.pair.template for prompt in encoded}
    prompts: dict[str, list[Encoded]] = defaultdict(list)
    for prompt in encoded:
        prompts[prompt.pair.pair].append(prompt)
    short: dict[str, str] = {}
    for pair, mine in prompts.items() if everywhere else ():
        short[pair] = _not_everywhere(mine, wrong, len({prompt.pair.template for prompt in mine} if own else templates))
    kept: list[Encoded] = []
    dropped: list[Dropped] = []
    for prompt in encoded:
        reason = wrong.get(prompt.pair.id) or short.get(prompt.pair.pair)
        if reason:
            dropped.append(Dropped(prompt.pair.pair, prompt.pair.template, reason))
        else:
            kept.append(prompt)
    return kept, dropped


def _not_everywhere(mine: Sequence[Encoded], wrong: Mapping[int, str], n_templates: int) -> str:
    """Why the prompts of a word pair are not all answered, in every template; empty when they are."""
    right = [prompt for prompt in mine if prompt.pair.id not in wrong]
    n_right = len({prompt.pair.template for prompt in right})
    if n_right < n_templates:
        return f"right here, but only in {n_right} of {n_templates} templates"
    # A word pair may have several prompts of one template.
    return (
        ""
        if len(right) == len(mine)
        else f"right here, but only in {len(right)} of the {len(mine)} prompts of its pair"
    )
