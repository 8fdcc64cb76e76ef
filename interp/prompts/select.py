"""From a task's candidates to the prompt sets of a run: what the tokenizer, the model and the metric let through."""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace

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
        tuple(tuple(judge(one.encoded, ask, one.encoder, task.choice)) for ask in one.reader.models) for one in tables
    ]
    if any(judged) and config.keep != "all":
        for answers in (one for mine in judged for one in mine):
            asked = Counter(one.template for one in answers)
            if why := task.refusal(Counter(one.template for one in answers if one.right), asked):
                raise UserError(f"prompts.task: {why}; `keep: all` measures the prompts whatever the model answers")
        # Of two models that are wrong, the first one's words.
        wrong = {
            one.pair.id: f"the model {'prefers' if task.choice else 'answers'} {said.said!r}"
            for table, mine in reversed(list(zip(tables, judged, strict=True)))
            for answers in reversed(mine)
            for one, said in zip(table.encoded, answers, strict=True)
            if not said.right
        }
        for table in tables:
            mend = "; `keep: all` measures prompts that are answered otherwise, too" if table.encoded else ""
            table.keep(*_answered(table.encoded, wrong, config.keep == "correct_in_every_template", task.any_length))
            nothing_left(table.encoded, table.dropped, mend)
        _kept_by_all(tables)
    first = tables[0]
    nothing_left(first.encoded, [one for table in tables for one in table.dropped])
    try:
        kept = task.corrupt([one.pair for one in first.encoded], rng)
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
            PromptBook(tuple(one.sets), tuple(one.dropped), mine, drawn.remarks)
            for one, mine in zip(tables, judged, strict=True)
        ]
    )
    nothing_left(books[0].sets, [one for book in books for one in book.dropped])
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
        asked_for = {one.pair.id: one for one in self.encoded}
        chosen = {pair.id for pair in kept}
        self.dropped += [
            Dropped(one.pair.pair, one.pair.template, BEYOND) for one in self.encoded if one.pair.id not in chosen
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
    everywhere = set.intersection(*({one.pair.id for one in table.encoded} for table in tables))
    order = [one.pair.id for one in tables[0].encoded if one.pair.id in everywhere]
    for table in tables:
        own = {one.pair.id: one for one in table.encoded}
        lost = [one.pair for one in table.encoded if one.pair.id not in everywhere]
        table.keep([own[pair] for pair in order], [Dropped(one.pair, one.template, FOR_ANOTHER) for one in lost])
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
    nothing_left(sets, dropped, "; min_gap says how small a gap may be")
    return replace(book, sets=tuple(sets), dropped=tuple(dropped))


def _renumbered(one: PromptSet, first: int) -> PromptSet:
    return replace(one, prompts=tuple(range(first, first + len(one))))


def _must_be_kept(encoded: Sequence[Encoded], kept: Sequence[PromptPair], task: str) -> None:
    """A task gives a pair its corrupted prompt and leaves the rest of it as it is; ValueError otherwise."""
    known = {one.pair.id: (one.pair.clean, one.pair.answer, one.pair.template) for one in encoded}
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
