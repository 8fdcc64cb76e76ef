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
    log_prob = dict.fromkeys((prompt.pair.id for prompt in candidates), 0.0)
    for query, members in _alike(candidates, encoder):
        for step in range(max(len(prompt.answers[0]) for prompt in members)):
            asked = [prompt for prompt in members if len(prompt.answers[0]) > step]
            tokens = torch.tensor([(*prompt.clean, *prompt.answers[0][:step]) for prompt in asked])
            first, logs = ask(tokens, query + step, torch.tensor([prompt.answers[0][step] for prompt in asked]))
            for prompt, token, log in zip(asked, first.tolist(), logs.tolist(), strict=True):
                log_prob[prompt.pair.id] += log
                if (
                    not choice
                    and prompt.pair.id not in said
                    and token not in {answer[step] for answer in prompt.answers}
                ):
                    said[prompt.pair.id] = encoder.text(token)
        if choice:
            said |= _preferred(members, query, ask, encoder)
    return [
        Judged(
            pair=prompt.pair.pair,
            template=prompt.pair.template,
            clean=prompt.pair.clean,
            answer=prompt.pair.answer,
            said=said.get(prompt.pair.id),
            log_prob=log_prob[prompt.pair.id],
        )
        for prompt in candidates
    ]


def _preferred(members: Sequence[Encoded], query: int, ask: Asked, encoder: Encoder) -> dict[int, str]:
    """The foils of the prompts, by id, where the model ranks the foil above the answer."""
    tokens = torch.tensor([prompt.clean for prompt in members])
    foils = [encoder.following(prompt.pair.clean, prompt.pair.foil, "the foil")[0] for prompt in members]
    _, right = ask(tokens, query, torch.tensor([prompt.answers[0][0] for prompt in members]))
    _, wrong = ask(tokens, query, torch.tensor(foils))
    return {
        prompt.pair.id: encoder.text(foil)
        for prompt, foil, is_wrong in zip(members, foils, (wrong >= right).tolist(), strict=True)
        if is_wrong
    }


def _alike(candidates: Sequence[Encoded], encoder: Encoder) -> Iterator[tuple[int, list[Encoded]]]:
    """Candidates of one template, which have one length, with the tensor index of their query."""
    templates = defaultdict(list)
    for prompt in candidates:
        templates[prompt.pair.template].append(prompt)
    for members in templates.values():
        yield members[0].roles["query"][0] - 1 + encoder.n_bos, members
