"""One choice of prompts read by several tokenizers: the same pairs under the same numbers, and roles at the same words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from interp.errors import UserError
from interp.prompts.book import FOR_ANOTHER, PromptBook
from interp.prompts.encode import Dropped
from interp.prompts.encoder import Encoder
from interp.prompts.pairs import PromptSet
from interp.prompts.pieces import shown
from interp.prompts.roles import RoleSpec
from interp.prompts.task import Tokens


class Agreed(Tokens):
    """What several tokenizers say alike about words that a task may draw (interp.prompts.task)."""

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        self._encoders = encoders

    @property
    def several(self) -> bool:
        """Whether answers of more than one token are read."""
        return all(encoder.several for encoder in self._encoders)

    def added(self, before: str, text: str) -> int:
        """Tokens that `text` adds behind `before`; 0 where one does not know it, or two do not agree."""
        counts = {encoder.added(before, text) for encoder in self._encoders}
        return counts.pop() if len(counts) == 1 else 0


def numbered_alike(books: Sequence[PromptBook]) -> list[PromptBook]:
    """The books with the pairs that all of them have, numbered as the first one's sets have them."""
    common = set.intersection(*({pair.id for prompt_set in book.sets for pair in prompt_set.pairs} for book in books))
    numbers = {
        pair: number
        for number, pair in enumerate(
            pair.id for prompt_set in books[0].sets for pair in prompt_set.pairs if pair.id in common
        )
    }
    return [_numbered(book, numbers) for book in books]


def _numbered(book: PromptBook, numbers: Mapping[int, int]) -> PromptBook:
    sets: list[PromptSet] = []
    dropped = list(book.dropped)
    for prompt_set in book.sets:
        rows = [row for row, pair in enumerate(prompt_set.pairs) if pair.id in numbers]
        dropped += [
            Dropped(pair.pair, pair.template, FOR_ANOTHER) for pair in prompt_set.pairs if pair.id not in numbers
        ]
        if rows:
            kept = prompt_set.take(rows)
            sets.append(replace(kept, prompts=tuple(numbers[pair.id] for pair in kept.pairs)))
    return replace(book, sets=tuple(sets), dropped=tuple(dropped))


def same_places(books: Sequence[PromptBook], roles: Mapping[str, RoleSpec]) -> None:
    """UserError where a role that is a position, not a token, is at another word to another tokenizer."""
    for name, spec in roles.items():
        if spec.token is not None or spec.position in (None, "end"):
            continue
        first, *others = (_words(book, name) for book in books)
        for other in others:
            for number, word in first.items():
                if word != other[number]:
                    raise UserError(
                        f"prompts.roles.{name}: position {spec.position} holds {shown(word)} to one model and "
                        f"{shown(other[number])} to another, which cuts it into other tokens; give the role by its token"
                    )


def _words(book: PromptBook, role: str) -> dict[int, str]:
    """What stands at a role, by the prompt's number."""
    return {
        number: "".join(tokens[place - 1] for place in prompt_set.positions(role)).strip()
        for prompt_set in book.sets
        for number, tokens in zip(prompt_set.prompts, prompt_set.clean_tokens, strict=True)
    }
