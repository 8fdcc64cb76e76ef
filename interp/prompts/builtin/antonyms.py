"""Task `antonyms`: the opposite of a word, in several wordings; corrupted by another word of the same template."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from interp.configs.section import Section
from interp.errors import UserError
from interp.prompts.builtin.antonym_words import WORD_PAIRS
from interp.prompts.pairs import PromptPair
from interp.prompts.roles import fill
from interp.prompts.task import Task, tasks

TEMPLATES = (
    'The opposite of "{word}" is "',
    'The antonym of "{word}" is "',
    'The word "{word}" is the opposite of "',
    'The exact opposite of "{word}" is "',
)


class Focus(Section):
    """The prompt that gets its own panel; it uses the first template."""

    word: str = Field(default="large", description="The word that is asked about.")
    corrupted: str | None = Field(
        default="hot", description="The word that replaces it in the corrupted prompt; null: drawn like the others."
    )


@tasks.register
class Antonyms(Task):
    """The opposite of a word in several wordings; another word of the list makes the corrupted prompt."""

    kind: Literal["antonyms"] = "antonyms"
    templates: tuple[str, ...] = Field(
        default=TEMPLATES, min_length=1, description="Wordings with the field `{word}`; the answer follows directly."
    )
    pairs: dict[str, str] = Field(
        default=WORD_PAIRS, min_length=2, description="Word: antonym. Words that are not single tokens are left out."
    )
    focus: Focus = Field(default=Focus(), description="The prompt that figures show.")
    max_pairs: int | None = Field(
        default=None,
        ge=2,
        le=100_000,
        description="Keep at most this many word pairs, a sample drawn by the seed; null keeps all.",
    )
    wordings_per_pair: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Ask every word pair in so many of the wordings, drawn by the seed: word pairs tell more than wordings. "
        "null: in all.",
    )

    @field_validator("templates")
    @classmethod
    def _templates_have_the_word(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        for template in templates:
            if "{word}" not in template:
                raise ValueError(f"template {template!r} has no field {{word}}")
        if len(set(templates)) < len(templates):
            raise ValueError("a template stands twice in the list")
        return templates

    @model_validator(mode="after")
    def _focus_is_a_pair(self) -> Antonyms:
        for word in (self.focus.word, self.focus.corrupted):
            if word is not None and word not in self.pairs:
                raise ValueError(f"focus word {word!r} is not among the pairs")
        return self

    def candidates(self) -> list[PromptPair]:
        """Every word in every template, the focus word first."""
        words = sorted(self.pairs, key=lambda word: word not in (self.focus.word, self.focus.corrupted))
        return [self._prompt(template, word) for template in self.templates for word in words]

    def corrupt(self, pairs: list[PromptPair], rng: np.random.Generator) -> list[PromptPair]:
        """Pair every word with the next one in a seeded random cycle whose antonym differs."""
        words = self._sampled(list(dict.fromkeys(pair.fields["word"] for pair in pairs)), rng)
        partner = self._partners(words, rng)
        asked = self._asked(pairs, rng)
        kept = []
        for pair in pairs:
            word = pair.fields["word"]
            if word in partner and pair.id in asked:
                other = partner[word]
                kept.append(
                    replace(
                        pair,
                        corrupted=fill(pair.template, {"word": other}, "template"),
                        foil=self._answer(pair.template, other),
                        fields={**pair.fields, "corrupted_word": other, "foil": self.pairs[other]},
                    )
                )
        return kept

    def _sampled(self, words: list[str], rng: np.random.Generator) -> list[str]:
        """At most `max_pairs` words, in their order: the focus words, and a random sample of the others."""
        if self.max_pairs is None or len(words) <= self.max_pairs:
            return words
        first = [word for word in (self.focus.word, self.focus.corrupted) if word in words][: self.max_pairs]
        others = [word for word in words if word not in first]
        drawn = {*first, *rng.permutation(others)[: self.max_pairs - len(first)].tolist()}
        return [word for word in words if word in drawn]

    def _asked(self, pairs: list[PromptPair], rng: np.random.Generator) -> set[int]:
        """The ids of the prompts that are asked: of every word `wordings_per_pair` at most, the focus prompt for sure."""
        if self.wordings_per_pair is None:
            return {pair.id for pair in pairs}
        by_word: dict[str, list[PromptPair]] = {}
        for place in rng.permutation(len(pairs)).tolist():
            by_word.setdefault(pairs[place].fields["word"], []).append(pairs[place])
        return {
            pair.id
            for prompts in by_word.values()
            for pair in sorted(prompts, key=lambda prompt: not prompt.focus)[: self.wordings_per_pair]
        }

    def _partners(self, words: list[str], rng: np.random.Generator) -> dict[str, str]:
        cycle = [words[i] for i in rng.permutation(len(words))]
        partner = {}
        for place, word in enumerate(cycle):
            others = cycle[place + 1 :] + cycle[:place]
            fitting = [other for other in others if not {other, self.pairs[other]} & {word, self.pairs[word]}]
            if not fitting:
                raise UserError(f"prompts.task: no other word is left to corrupt {word!r} with; add word pairs")
            partner[word] = fitting[0]
        if self.focus.word in partner and self.focus.corrupted in words:
            partner[self.focus.word] = self.focus.corrupted
        return partner

    def _prompt(self, template: str, word: str) -> PromptPair:
        return PromptPair(
            clean=fill(template, {"word": word}, "template"),
            corrupted="",
            answer=self._answer(template, word),
            foil="",
            template=template,
            pair="/".join(text.replace("\\", r"\\").replace("/", r"\/") for text in (word, self.pairs[word])),
            focus=word == self.focus.word and template == self.templates[0],
            fields={"word": word, "answer": self.pairs[word]},
        )

    def _answer(self, template: str, word: str) -> str:
        # After a quotation mark the answer follows directly; otherwise its token carries the space.
        return self.pairs[word] if template.endswith(('"', "'", "(", " ")) else f" {self.pairs[word]}"
