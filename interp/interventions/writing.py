"""The edits of a sweep, written where they belong. Every write is counted: an edit that never ran is an error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.interventions.cells import Bundle
from interp.interventions.plan import Cells, Planned, cells_by_site
from interp.interventions.rows import Part, Rows
from interp.interventions.runs import BlockRun, Runs

Replacement = Callable[[Bundle], Float[Tensor, "cell prompt *d"] | float]
"""What cells are replaced by, on every prompt of the batch."""


@dataclass(frozen=True)
class Batch:
    """What all variants of a sweep have in common: the base run, both runs of the prompts, the rows of them that are asked
    for, the tensor index of the query, and how many leading positions the prompts share."""

    base: BlockRun
    runs: Runs
    index: Int[Tensor, " prompt"]
    query: int
    prefix: int

    def prompts(self, shared: bool) -> Int[Tensor, " row"]:
        """The prompts that a part holds a row for: one where all are the same."""
        return self.index[:1] if shared else self.index

    def part(self, act: Tensor, shared: bool, positions: slice) -> Tensor:
        """Positions of a base activation `[prompt, pos, ...]`."""
        return act[self.prompts(shared), positions]

    def filled(self, held: Tensor, part: Part, base: Tensor) -> Tensor:
        """A base activation's values at all positions of a part, those that are held in place of the base run's."""
        n_held, size = held.shape[2], part.stop - part.start
        if n_held == size:
            return held
        rest = self.part(base, part.shared, slice(part.start + n_held, part.stop))
        rest = rest.expand(len(held), *rest.shape)
        return torch.cat([held, rest], dim=2) if n_held else rest


class Edits:
    """The cells of a chunk of variants by layer and site, and what is written into them."""

    def __init__(self, chunk: Sequence[Planned], prefix: int, replacement: Replacement, device: Any) -> None:
        self._cells = cells_by_site(chunk, prefix, device)
        self._replacement = replacement
        self._unwritten = sum(len(written.variant) for cells in self._cells.values() for written in cells)

    def at(self, layer: int, site: str, rows: Rows, part: Part, joining: bool = False) -> list[Cells]:
        """The cells of these variants in one part, with `variant` counting rows; `joining`: those that they join by."""
        placed = []
        for cells in self._cells.get((layer, site), ()):
            if (cells.first, cells.shared, cells.joining) != (rows.first, part.shared, joining):
                continue
            place = torch.searchsorted(rows.members, cells.variant)
            here = rows.members[place.clamp(max=len(rows.members) - 1)] == cells.variant
            if bool(here.all()):
                placed.append(replace(cells, variant=place))
            elif bool(here.any()):
                columns = {name: getattr(cells, name)[here] for name in ("head", "query", "key")}
                placed.append(replace(cells, variant=place[here], **columns))
        return placed

    def count(self, cells: Cells) -> None:
        """The cells are written."""
        self._unwritten -= len(cells.variant)

    def value(self, cells: Cells, part: Part) -> Tensor | float:
        """What replaces the cells; they count as written."""
        self.count(cells)
        value = self._replacement(cells)
        return value[:, :1] if part.shared and isinstance(value, Tensor) else value

    def write_stream(self, layer: int, site: str, rows: Sequence[Rows]) -> None:
        """Replace the residual stream, or what is being added to it, of variants that are in the sweep."""
        if (layer, site) not in self._cells:
            return
        for group in rows:
            for part in group.parts:
                for cells in self.at(layer, site, group, part):
                    part.resid[cells.variant, :, cells.query - part.start] = self.value(cells, part)

    def written(self, layer: int, site: str, rows: Rows, part: Part, act: Tensor) -> Tensor:
        """Queries, keys or values of a part with the edits of that site."""
        edited = self.at(layer, site, rows, part)
        act = act.clone() if edited else act
        for cells in edited:
            position = (cells.query if site == "q" else cells.key) - part.start
            act[cells.variant, :, position, cells.head] = self.value(cells, part)
        return act

    def check(self) -> None:
        """Raise RuntimeError when an edit was not written."""
        if self._unwritten:
            raise RuntimeError(f"{self._unwritten} edits were never applied: the sweep did not reach them")


def add_at(
    target: Tensor, variant: Tensor, position: Tensor, head: Tensor | None, change: Float[Tensor, "cell prompt *d"]
) -> None:
    """Add to [variant, prompt, position(, head)]; several cells may meet in one place."""
    everyone = torch.arange(target.shape[1], device=target.device)[None]
    places = (variant[:, None], everyone, position[:, None], *([] if head is None else [head[:, None]]))
    target.index_put_(places, change.expand(len(variant), target.shape[1], *change.shape[2:]), accumulate=True)
