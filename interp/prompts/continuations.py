"""Answers of several tokens: one prompt set a token, each with the tokens before it led along.

log p(a1 a2 | prompt) = log p(a1 | prompt) + log p(a2 | prompt a1), so a metric that sums over the tokens of an answer is a sum
over prompts that are ever longer. Edits keep their positions, which all lie in the prompt itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

from jaxtyping import Float

from interp.configs.lazy import lazy
from interp.prompts.pairs import PromptSet

if TYPE_CHECKING:
    import torch
else:
    torch = lazy("torch")

Which = Literal["answer", "foil"]


@dataclass(frozen=True)
class Continuation:
    """Prompts up to one token of their answers (or foils), with that token as the answer.

    `counts` is 1 for prompts that have such a token, and 0 for those whose answer is shorter.
    """

    prompts: PromptSet
    counts: Float[torch.Tensor, " prompt"]


def continuations(prompts: PromptSet, which: Which) -> list[Continuation]:
    """A set for every token of the longest answer; all prompts are in all of them, so that means stay what they are."""
    if which not in prompts.memo:
        prompts.memo[which] = _made(prompts, which)
    return cast(list[Continuation], prompts.memo[which])


def _made(prompts: PromptSet, which: Which) -> list[Continuation]:
    tokens = [alternatives[0] for alternatives in (prompts.right if which == "answer" else prompts.wrong)]
    made = []
    for step in range(max(map(len, tokens))):
        led = torch.tensor(
            [[answer[min(place, len(answer) - 1)] for place in range(step)] for answer in tokens], dtype=torch.long
        )
        led = led.reshape(len(prompts), step)
        target = torch.tensor([answer[min(step, len(answer) - 1)] for answer in tokens])
        longer = replace(
            prompts,
            name=f"{prompts.name}+{which}{step}",
            clean=torch.cat([prompts.clean, led], dim=1),
            corrupted=torch.cat([prompts.corrupted, led], dim=1),
            answer=target,
            foil=target,
            answers=(),
            foils=(),
            read_at=prompts.query_index + step,
        )
        made.append(Continuation(longer, torch.tensor([float(len(answer) > step) for answer in tokens])))
    return made
