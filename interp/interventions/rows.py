"""The residual stream of many variants that begin at the same position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Part:
    """Token positions `start` to `stop` (exclusive) of some variants: one row a variant before the prompts' common prefix
    ends (`shared`), one row a variant and prompt after it. Only the leading positions, those that differ from the base
    run, are held; the others are the base run's."""

    start: int
    stop: int
    shared: bool
    resid: Float[Tensor, "variant prompt pos d_model"]

    @property
    def whole(self) -> bool:
        """Whether every position is held."""
        return self.resid.shape[2] == self.stop - self.start


@dataclass(frozen=True)
class Rows:
    """Variants (by their numbers in the chunk) whose first changed position is `first`, and their parts."""

    first: int
    members: Int[Tensor, " variant"]
    parts: tuple[Part, ...]

    @property
    def whole(self) -> bool:
        """Whether every position is held."""
        return all(part.whole for part in self.parts)


def merged(rows: Sequence[Rows]) -> list[Rows]:
    """Rows with the same first position as one, in order of their members; all must hold the same positions."""
    joined = []
    for first in sorted({group.first for group in rows}):
        here = [group for group in rows if group.first == first]
        if len(here) == 1:
            joined.append(here[0])
            continue
        members = torch.cat([group.members for group in here])
        residuals = [torch.cat([group.parts[number].resid for group in here]) for number in range(len(here[0].parts))]
        # Planned in the order in which they join, so members mostly stay sorted when later ones are appended.
        if bool((members[1:] < members[:-1]).any()):
            order = members.argsort()
            members, residuals = members[order], [resid[order] for resid in residuals]
        parts = tuple(replace(part, resid=resid) for part, resid in zip(here[0].parts, residuals, strict=True))
        joined.append(Rows(first, members, parts))
    return joined


def flat(tensors: Sequence[Tensor], keep: int) -> Tensor:
    """Tensors with `keep` trailing axes of their own as one [token, ...] array."""
    pieces = [tensor.flatten(0, tensor.ndim - keep - 1) for tensor in tensors]
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


def unflat(array: Tensor, like: Sequence[Tensor], keep: int) -> list[Tensor]:
    """The inverse of `flat`, with the leading axes of `like`."""
    shapes = [tensor.shape[: tensor.ndim - keep] for tensor in like]
    pieces = torch.split(array, [shape.numel() for shape in shapes])
    return [piece.view(*shape, *array.shape[1:]) for piece, shape in zip(pieces, shapes, strict=True)]
