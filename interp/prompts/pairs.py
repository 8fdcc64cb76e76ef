"""A prompt pair, and a batch of pairs as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from jaxtyping import Int
from pydantic import Field

from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.prompts.pieces import barred
from interp.prompts.roles import fill, tensor_index

if TYPE_CHECKING:
    import torch
else:
    torch = lazy("torch")


Position = Annotated[int, Field(ge=1, le=1_000_000)] | str
"""People's position (from 1, BOS not counted), or the name of a role."""
Answers = tuple[tuple[int, ...], ...]
"""The tokens of every right answer of a prompt (or of every foil)."""


@dataclass(frozen=True)
class PromptPair:
    """A clean and a corrupted prompt, the answer of the clean one and its foil (docs/definitions.md, Effects).

    `pair` names the word pair: prompts that share it are not independent, so it is the bootstrap's cluster.
    `fields` are the words that the template was filled with. `id` is the number of the task's candidate, given when a
    run chooses its prompts: it is what a prompt is known by, for two may have the same text, pair and template.
    `answers` and `foils` are further right and wrong answers, for metrics that read several.
    """

    clean: str
    corrupted: str
    answer: str
    foil: str
    template: str
    pair: str
    focus: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    id: int = -1
    answers: tuple[str, ...] = ()
    foils: tuple[str, ...] = ()

    def corrupted_by(self, template: str | None, foil: str | None, where: str) -> PromptPair:
        """The same clean prompt with another corrupted prompt and foil; None keeps what there is."""
        return replace(
            self,
            corrupted=self.corrupted if template is None else fill(template, self.fields, where),
            foil=self.foil if foil is None else fill(foil, self.fields, where),
            foils=self.foils if foil is None else (),
        )


@dataclass(frozen=True)
class PromptSet:
    """Pairs of equal token length whose roles sit at equal positions, as tensors.

    `prompts` are the pairs' numbers in the run; `roles` people's positions; `bos` the number of leading BOS tokens
    (0 or 1), which are part of the tensors and of no position. `answer` and `foil` are the first tokens of the first ones;
    `answers` and `foils` hold all tokens of all of them. `read_at` is the tensor index at which the metric is read where
    that is not the role `query`.
    """

    name: str
    pairs: tuple[PromptPair, ...]
    prompts: tuple[int, ...]
    clean: Int[torch.Tensor, "prompt pos"]
    corrupted: Int[torch.Tensor, "prompt pos"]
    answer: Int[torch.Tensor, " prompt"]
    foil: Int[torch.Tensor, " prompt"]
    clean_tokens: tuple[tuple[str, ...], ...]
    corrupted_tokens: tuple[tuple[str, ...], ...]
    roles: Mapping[str, tuple[int, ...]]
    bos: int
    answers: tuple[Answers, ...] = ()
    foils: tuple[Answers, ...] = ()
    read_at: int | None = None

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def n_tokens(self) -> int:
        """Tokens of a prompt as people count them."""
        return self.clean.shape[1] - self.bos

    def positions(self, position: Position | None) -> tuple[int, ...]:
        """People's positions that `position` stands for; None stands for all of them."""
        if position is None:
            return tuple(range(1, self.n_tokens + 1))
        if isinstance(position, str):
            if position not in self.roles:
                raise UserError(f"there is no role {position!r}; the prompts have {', '.join(sorted(self.roles))}")
            return self.roles[position]
        if not 1 <= position <= self.n_tokens:
            raise UserError(
                f"position {position} is outside the prompt, which has {self.n_tokens} tokens: "
                + barred(self.clean_tokens[0])
            )
        return (position,)

    def position(self, position: Position) -> int:
        """The one position that a role or number stands for; UserError when the role has several tokens."""
        positions = self.positions(position)
        if len(positions) != 1:
            raise UserError(f"role {position!r} has {len(positions)} positions {list(positions)}, where one is needed")
        return positions[0]

    def indices(self, position: Position | None) -> tuple[int, ...]:
        """Tensor indices of a position; None stands for every token, the BOS token included."""
        if position is None:
            return tuple(range(self.clean.shape[1]))
        return tuple(tensor_index(p, self.bos) for p in self.positions(position))

    @cached_property
    def query_index(self) -> int:
        """Tensor index at which the metric is read: the role `query`, if nothing else is said."""
        return self.read_at if self.read_at is not None else tensor_index(self.position("query"), self.bos)

    @cached_property
    def right(self) -> tuple[Answers, ...]:
        """All tokens of all right answers of every prompt."""
        return self.answers or tuple(((int(token),),) for token in self.answer)

    @cached_property
    def wrong(self) -> tuple[Answers, ...]:
        """All tokens of all foils of every prompt."""
        return self.foils or tuple(((int(token),),) for token in self.foil)

    @cached_property
    def first_right(self) -> Int[torch.Tensor, "prompt n"]:
        """The first token of every right answer; -1 where a prompt has fewer."""
        return _padded(self.right)

    @cached_property
    def first_wrong(self) -> Int[torch.Tensor, "prompt n"]:
        """The first token of every foil; -1 where a prompt has fewer."""
        return _padded(self.wrong)

    @cached_property
    def memo(self) -> dict[str, object]:
        """What others have made from these prompts and want to find again."""
        return {}

    @cached_property
    def first_difference(self) -> int:
        """Tensor index of the first token in which any corrupted prompt differs from its clean one.

        Attention is causal, so before it both runs are the same and replacing one's values by the other's does nothing.
        """
        return int((self.clean != self.corrupted).any(dim=0).int().argmax())

    def take(self, rows: Sequence[int]) -> PromptSet:
        """The pairs with the given row numbers."""
        index = torch.tensor(list(rows), dtype=torch.long)
        return replace(
            self,
            pairs=tuple(self.pairs[i] for i in rows),
            prompts=tuple(self.prompts[i] for i in rows),
            clean=self.clean[index],
            corrupted=self.corrupted[index],
            answer=self.answer[index],
            foil=self.foil[index],
            clean_tokens=tuple(self.clean_tokens[i] for i in rows),
            corrupted_tokens=tuple(self.corrupted_tokens[i] for i in rows),
            answers=tuple(self.answers[i] for i in rows) if self.answers else (),
            foils=tuple(self.foils[i] for i in rows) if self.foils else (),
        )


def _padded(answers: Sequence[Answers]) -> Int[torch.Tensor, "prompt n"]:
    most = max(map(len, answers), default=1)
    firsts = [[tokens[0] for tokens in alternatives] for alternatives in answers]
    return torch.tensor([row + [-1] * (most - len(row)) for row in firsts], dtype=torch.long).reshape(
        len(answers), most
    )
