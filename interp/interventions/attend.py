"""Attention of many continuations at once: keys that all of them share are multiplied once, not copied into each.

The keys of a continuation stand in up to three places: the base run's before its first changed position (the same for
every variant), those of a prefix that all prompts share (the same for every prompt), and its own. Scores against each are
one matrix product; the softmax runs over all of them together.

Axes: v variant, p prompt, t query position, s key position, k key-value head, g query head of its group, d d_head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from interp.interventions.block import Block


@dataclass(frozen=True)
class Keys:
    """Keys (positions applied) and values at positions `first`, `first` + 1, ...; `axes` names the axes of both."""

    axes: str
    keys: Tensor
    values: Tensor
    first: int

    @property
    def size(self) -> int:
        """How many positions there are."""
        return self.keys.shape[self.axes.index("s")]


def attend(
    block: Block, query: Float[Tensor, "variant prompt pos head d_head"], first: int, places: Sequence[Keys]
) -> Float[Tensor, "variant prompt head pos key"]:
    """Attention weights of queries at positions `first`, `first` + 1, ... over the keys of all places, in their order."""
    grouped = torch.unflatten(block.scaled(query), 3, (block.n_kv_heads, -1))
    scores = torch.cat(
        [torch.einsum(f"vptkgd,{place.axes}->vpkgts", grouped, place.keys.to(grouped.dtype)) for place in places],
        dim=-1,
    ).flatten(2, 3)
    if block.cap > 0:
        scores = scores.div_(block.cap).tanh_().mul_(block.cap)
    start, last = places[0].first, places[-1].first + places[-1].size - 1
    end = first + query.shape[2] - 1
    if last > first or (block.window is not None and end - start >= block.window):
        ends = torch.arange(first, end + 1, device=query.device)[:, None]
        keys = torch.arange(start, last + 1, device=query.device)
        unseen = keys > ends
        if block.window is not None:
            unseen |= keys <= ends - block.window
        scores = scores.masked_fill_(unseen, -torch.inf)
    return block.pattern(scores)


def head_values(
    pattern: Float[Tensor, "variant prompt head pos key"], places: Sequence[Keys]
) -> Float[Tensor, "variant prompt pos head d_head"]:
    """What every head gathers from the values of all places: z."""
    n_kv_heads = places[0].values.shape[places[0].axes.index("k")]
    grouped = torch.unflatten(pattern, 2, (n_kv_heads, -1))
    parts = torch.split(grouped, [place.size for place in places], dim=-1)
    z = torch.einsum(f"vpkgts,{places[0].axes}->vptkgd", parts[0], places[0].values)
    for part, place in zip(parts[1:], places[1:], strict=True):
        z = z + torch.einsum(f"vpkgts,{place.axes}->vptkgd", part, place.values)
    return z.flatten(3, 4)
