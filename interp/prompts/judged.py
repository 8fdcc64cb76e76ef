"""How a model does on the candidates of a run, before any filter: what it says, and how probable the answer is to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.prompts.encode import Encoded
from interp.prompts.encoder import Encoder

Asked = Callable[
    [Int[Tensor, "prompt pos"], int, Int[Tensor, " prompt"]], tuple[Int[Tensor, " prompt"], Float[Tensor, " prompt"]]
]
"""(tokens, tensor index of the query, the answer's tokens) -> the model's first predictions there, and the answer's
log-probabilities (nats)."""


@dataclass(frozen=True)
class Judged:
    """One candidate. `said` is what the model says instead of the answer (of a choice: the foil), None where it is right.

    `log_prob` is that of the whole answer (the first of several right ones), in nats.
    """

    pair: str
    template: str
    clean: str
    answer: str
    said: str | None
    log_prob: float

    @property
    def right(self) -> bool:
        """Whether the model ranks a right answer first, at every one of its tokens; of a choice, above the foil."""
        return self.said is None


def judge(candidates: Sequence[Encoded], ask: Asked, encoder: Encoder, choice: bool = False) -> list[Judged]:
    """Ask a model every candidate, batched by template; an answer of several tokens is asked token by token, led along it.

    Of a `choice` the first token of the answer is held against that of the foil.
    """
    said: dict[int, str] = {}
    log_prob = dict.fromkeys((one.pair.id for one in candidates), 0.0)
    for query, members in _alike(candidates, encoder):
        for step in range(max(len(one.answers[0]) for one in members)):
            asked = [one for one in members if len(one.answers[0]) > step]
            tokens = torch.tensor([(*one.clean, *one.answers[0][:step]) for one in asked])
            first, logs = ask(tokens, query + step, torch.tensor([one.answers[0][step] for one in asked]))
            for one, token, log in zip(asked, first.tolist(), logs.tolist(), strict=True):
                log_prob[one.pair.id] += log
                if not choice and one.pair.id not in said and token not in {answer[step] for answer in one.answers}:
                    said[one.pair.id] = encoder.text(token)
        if choice:
            said |= _preferred(members, query, ask, encoder)
    return [
        Judged(
            pair=one.pair.pair,
            template=one.pair.template,
            clean=one.pair.clean,
            answer=one.pair.answer,
            said=said.get(one.pair.id),
            log_prob=log_prob[one.pair.id],
        )
        for one in candidates
    ]


def _preferred(members: Sequence[Encoded], query: int, ask: Asked, encoder: Encoder) -> dict[int, str]:
    """The foils of the prompts, by id, where the model ranks the foil above the answer."""
    tokens = torch.tensor([one.clean for one in members])
    foils = [encoder.following(one.pair.clean, one.pair.foil, "the foil")[0] for one in members]
    _, right = ask(tokens, query, torch.tensor([one.answers[0][0] for one in members]))
    _, wrong = ask(tokens, query, torch.tensor(foils))
    return {
        one.pair.id: encoder.text(foil)
        for one, foil, is_wrong in zip(members, foils, (wrong >= right).tolist(), strict=True)
        if is_wrong
    }


def _alike(candidates: Sequence[Encoded], encoder: Encoder) -> Iterator[tuple[int, list[Encoded]]]:
    """Candidates of one template, which have one length, with the tensor index of their query."""
    templates = defaultdict(list)
    for one in candidates:
        templates[one.pair.template].append(one)
    for members in templates.values():
        yield members[0].roles["query"][0] - 1 + encoder.n_bos, members
