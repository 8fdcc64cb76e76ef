"""What tasks have in common whose prompts are drawn: from lists of words, in several wordings, by the run's seed.

A task says what a prompt can be about (`contents`) and how one is written (`pair`). Words that the tokenizer cuts are left out
before anything is drawn, so no model is needed for that; a cluster is one content, asked in one wording or in several. Twice as
many as are kept are drawn, for the model does not answer all of them.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, field_validator

from interp.errors import UserError
from interp.prompts.pairs import PromptPair
from interp.prompts.roles import FIELD
from interp.prompts.task import Drawn, Task, Tokens

Words = Mapping[str, Sequence[str]]
"""What the words are (`name`) -> those that can be used."""

BEFORE = "It said that"  # words are counted behind some text: at its beginning a tokenizer may cut them otherwise
SHOWN = 6  # words in a remark
SPARE = 2  # candidates drawn for every pair that is kept


class EveryWord:
    """The tokenizer of no model: every word is one token."""

    several = True

    def added(self, before: str, text: str) -> int:
        """Always 1."""
        return 1


class Generated(Task):
    """A task that draws its prompts."""

    fields: ClassVar[tuple[str, ...]] = ()
    """What every wording must name, each once."""

    max_pairs: int = Field(
        default=64,
        ge=1,
        le=10_000,
        description="Keep at most this many clusters (what prompts are about), drawn by the seed.",
    )
    wordings_per_pair: int = Field(default=1, ge=1, le=100, description="Ask every cluster in so many of the wordings.")
    wordings: tuple[str, ...] = Field(
        default=(), description="Wordings of one's own, with the fields of the task's; empty: those of the task."
    )
    min_accuracy: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="Refuse a model that answers a smaller share of the candidates; `keep: all` measures it nevertheless.",
    )

    @field_validator("wordings")
    @classmethod
    def _wordings_have_the_fields(cls, wordings: tuple[str, ...]) -> tuple[str, ...]:
        for wording in wordings:
            named = [name for literal, name in FIELD.findall(wording) if not literal]
            for field in cls.fields:
                if named.count(field) != 1:
                    raise ValueError(f"wording {wording!r} must have the field {{{field}}} once")
        if len(set(wordings)) < len(wordings):
            raise ValueError("a wording stands twice in the list")
        return wordings

    @abc.abstractmethod
    def own_wordings(self) -> Sequence[str]:
        """The task's wordings; those of one token structure have their roles at the same places."""

    @abc.abstractmethod
    def words(self) -> Words:
        """The lists that prompts are made from; of each, words of one token are used."""

    @abc.abstractmethod
    def contents(self, words: Words, n: int, rng: np.random.Generator) -> list[Any]:
        """At most `n` different things that a prompt can be about, drawn."""

    @abc.abstractmethod
    def most(self, words: Words) -> int:
        """How many different ones there are."""

    @abc.abstractmethod
    def pair(self, content: Any, wording: str, words: Words, rng: np.random.Generator) -> PromptPair:
        """One prompt pair."""

    def prepared(self, words: Words, tokens: Tokens) -> Words:
        """The words, after whatever else the task wants of the tokenizer; UserError where it cannot be asked."""
        return words

    def candidates(self) -> list[PromptPair]:
        """Some prompts, whatever the tokenizer."""
        return self.draw(EveryWord(), np.random.default_rng(0)).pairs

    def draw(self, tokens: Tokens, rng: np.random.Generator) -> Drawn:
        """Twice as many clusters as are kept, of words that are one token each."""
        words, remarks = self._one_token(tokens)
        words = self.prepared(words, tokens)
        most = self.most(words)
        if most < self.max_pairs:
            raise UserError(
                f"prompts.task: with these settings and this tokenizer, {self.kind} has at most {most} different prompts in a "
                f"wording, and max_pairs asks for {self.max_pairs}" + "".join(f"; {remark}" for remark in remarks)
            )
        wordings = self.wordings or tuple(self.own_wordings())
        times = min(self.wordings_per_pair, len(wordings))
        pairs = [
            self.pair(content, wordings[number], words, rng)
            for content in self.contents(words, min(most, SPARE * self.max_pairs), rng)
            for number in sorted(rng.permutation(len(wordings))[:times].tolist())
        ]
        return Drawn([_focused(pair, number == 0) for number, pair in enumerate(pairs)], tuple(remarks))

    def corrupt(self, pairs: list[PromptPair], rng: np.random.Generator) -> list[PromptPair]:
        """The first clusters that were drawn, which is in a random order."""
        in_order = sorted(pairs, key=lambda pair: pair.id)
        kept = set(list(dict.fromkeys(pair.pair for pair in in_order))[: self.max_pairs])
        return [pair for pair in pairs if pair.pair in kept]

    def refusal(self, right: Mapping[str, int], asked: Mapping[str, int]) -> str:
        """A model that hardly does the task has no circuit for it."""
        total = sum(asked.values())
        if not total or sum(right.values()) >= self.min_accuracy * total:
            return ""
        by_wording = ", ".join(f"{right.get(name, 0)} of {n} of {name!r}" for name, n in asked.items())
        return (
            f"the model answers {sum(right.values()) / total:.0%} of the candidates correctly, and min_accuracy is "
            f"{self.min_accuracy:.0%}, so it is taken not to do the task {self.kind} ({by_wording})"
        )

    def _one_token(self, tokens: Tokens) -> tuple[Words, list[str]]:
        usable: dict[str, Sequence[str]] = {}
        remarks = []
        for what, listed in self.words().items():
            usable[what] = [word for word in listed if tokens.added(BEFORE, f" {word}") == 1]
            cut = [word for word in listed if word not in set(usable[what])]
            if cut:
                more = f" and {len(cut) - SHOWN} more" if len(cut) > SHOWN else ""
                remarks.append(
                    f"task {self.kind}: {len(cut)} of {len(listed)} words ({what}) are not one token to this tokenizer and "
                    f"are not used: {', '.join(cut[:SHOWN])}{more}"
                )
        return usable, remarks


def listed(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


def some(everything: Sequence[Any], n: int, rng: np.random.Generator) -> list[Any]:
    """`n` of these, drawn without replacement."""
    return [everything[int(place)] for place in rng.permutation(len(everything))[:n]]


def one_of(words: Sequence[str], rng: np.random.Generator, *but: str) -> str:
    """A word, drawn; UserError where there is none but those that it must not be."""
    left = [word for word in words if word not in but]
    if not left:
        raise UserError(f"prompts.task: no word is left to draw but {', '.join(but) or 'none'}; give it other settings")
    return left[int(rng.integers(len(left)))]


def alternating(first: Sequence[Any], second: Sequence[Any], n: int, rng: np.random.Generator) -> list[Any]:
    """`n` of two classes in turn, so that an answer is right as often as the other."""
    pairs = zip(some(first, len(first), rng), some(second, len(second), rng), strict=False)
    return [content for both in pairs for content in both][:n]


def placed(wording: str, words: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """A wording with its fields filled in, and where each field's word stands: `first:end`, in characters from 0."""
    text, spans, last = "", {}, 0
    for match in FIELD.finditer(wording):
        text += wording[last : match.start()]
        literal, name = match.groups()
        if literal is None and name not in words:
            raise UserError(
                f"prompts.task.wordings: {wording!r} has the field {{{name}}}; the fields here are "
                f"{', '.join('{' + field + '}' for field in words)}, and {{{{{name}}}}} stands for {{{name}}} itself"
            )
        word = f"{{{literal}}}" if literal is not None else words[name]
        if literal is None:
            spans[name] = f"{len(text)}:{len(text) + len(word)}"
        text += word
        last = match.end()
    return text + wording[last:], spans


def written(
    wording: str,
    cluster: str,
    words: Mapping[str, str],
    changed: Mapping[str, str],
    answer: str,
    foil: str,
    **more: Any,
) -> PromptPair:
    """A pair of one wording, whose corrupted prompt has the words of `changed`. Roles find a word at `{at_...}`."""
    clean, spans = placed(wording, words)
    corrupted, _ = placed(wording, {**words, **changed})
    fields = {
        **words,
        **{f"at_{name}": span for name, span in spans.items()},
        "answer": answer.strip(),
        "foil": foil.strip(),
    }
    return PromptPair(clean, corrupted, answer, foil, template=wording, pair=cluster, fields=fields, **more)


def _focused(pair: PromptPair, focus: bool) -> PromptPair:
    return replace(pair, focus=focus)
