"""Which variants run together, where each begins, and which need not run at all.

A variant changes nothing before its first edited layer, nor, because attention is causal, at positions before its first
edited one. So it *joins* the sweep over the layers where its first edit is, and from then on holds only the positions
from its `first` one to the query. What cannot reach the query is dropped here: a variant without any edit that can is
exactly the base run. Variants that do the same are run once.

A variant joins at one of three stages of a layer:

    pre         its residual stream differs before the block (resid_pre, or mlp_out of the block below)
    attention   its queries, keys or values are edited
    mid         only what heads add to the residual stream is edited (edge, z, pattern, attn_out, resid_mid): nothing of
                its attention has to be computed in that layer
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from interp.interventions.cells import Bundle, Cell, Dimensions, bundled, live_cells
from interp.interventions.edits import Variant
from interp.prompts.pairs import PromptSet

PRE, ATTENTION, MID = range(3)
SUMMANDS = ("edge", "z", "pattern")


@dataclass(frozen=True)
class Start:
    """Where a variant joins. `narrow`: all that it edits is at its first position."""

    layer: int
    stage: int
    first: int
    narrow: bool


@dataclass(frozen=True)
class Planned:
    """A variant that must be run: the numbers under which it was asked for, its live cells, and its start."""

    numbers: tuple[int, ...]
    cells: tuple[Cell, ...]
    start: Start


@dataclass(frozen=True)
class Plan:
    """Variants of one base run, in the order in which they join; `unchanged` are the numbers of those that are the base
    run itself."""

    planned: tuple[Planned, ...]
    unchanged: tuple[int, ...]

    @property
    def n_repeated(self) -> int:
        """Variants that do what another one does."""
        return sum(len(one.numbers) - 1 for one in self.planned)


def make_plan(variants: Sequence[Variant], numbers: Iterable[int], prompts: PromptSet, sizes: Dimensions) -> Plan:
    """The plan of the variants with the given numbers, which have one base run in common.

    Raises UserError for a layer, head or position that does not exist.
    """
    groups: dict[tuple[Cell, ...], list[int]] = defaultdict(list)
    for number in numbers:
        groups[tuple(live_cells(variants[number], prompts, sizes))].append(number)
    unchanged = tuple(groups.pop((), ()))
    planned = [Planned(tuple(found), cells, start_of(cells)) for cells, found in groups.items()]
    planned.sort(key=lambda one: (one.start.layer, one.start.stage, one.start.narrow, one.start.first))
    return Plan(tuple(planned), unchanged)


def start_of(cells: Sequence[Cell]) -> Start:
    """Where a variant with these cells joins."""
    layer, stage = min(map(_joins, cells))
    positions = {cell.position for cell in cells}
    summands = {cell.site for cell in cells if _joins(cell) == (layer, MID) and cell.site in SUMMANDS}
    if stage == MID and len(summands) > 1:
        # Several kinds at once act on each other: the attention of that layer is computed, and they are applied in turn.
        stage = ATTENTION
    return Start(layer, stage, min(positions), len(positions) == 1)


def whole(one: Planned) -> Planned:
    """The same variant run from the first token on: a hook that somebody left may count positions."""
    return replace(one, start=replace(one.start, first=0))


def _joins(cell: Cell) -> tuple[int, int]:
    if cell.site == "mlp_out":
        return cell.layer + 1, PRE
    if cell.site == "resid_pre":
        return cell.layer, PRE
    return cell.layer, ATTENTION if cell.site in ("q", "k", "v") else MID


def chunks(planned: Sequence[Planned], tokens_of: Callable[[Planned], int], most: int) -> list[list[Planned]]:
    """Consecutive variants with at most `most` tokens together (one variant at least)."""
    found: list[list[Planned]] = []
    held = 0
    for one in planned:
        tokens = tokens_of(one)
        if not found or held + tokens > most:
            found.append([])
            held = 0
        found[-1].append(one)
        held += tokens
    return found


@dataclass(frozen=True)
class Cells(Bundle):
    """Cells of variants with the same first position, on one side of the shared prefix. `variant` numbers the chunk's
    variants; `joining`: the variants join by these very cells."""

    first: int
    shared: bool
    joining: bool


def cells_by_site(chunk: Sequence[Planned], prefix: int, device: Any) -> dict[tuple[int, str], list[Cells]]:
    """(layer, site) -> the chunk's cells there. Positions before `prefix` are shared by all prompts."""
    rows: dict[Any, list[tuple[int, int, int, int]]] = defaultdict(list)
    for number, one in enumerate(chunk):
        start = one.start
        for cell in one.cells:
            joining = start.stage != ATTENTION and _joins(cell) == (start.layer, start.stage)
            # A residual stream that is replaced before its block is written once the variant is there.
            joining = joining and cell.site != "resid_pre"
            key = (cell.layer, cell.site, cell.source, cell.reference, start.first, cell.position < prefix, joining)
            rows[key].append((number, cell.head, cell.query, cell.key))
    found: dict[tuple[int, str], list[Cells]] = defaultdict(list)
    for (layer, site, source, reference, first, shared, joining), cells in rows.items():
        columns = vars(bundled((layer, site, source, reference), cells, device))
        found[layer, site].append(Cells(**columns, first=first, shared=shared, joining=joining))
    return found


def common_prefix(prompts: PromptSet, n_rows: int) -> int:
    """How many leading tokens all prompts of the set have in common, clean and corrupted; 0 where one prompt is run alone.

    What is computed there is the same for every prompt, and so is every replacement: one row stands for all of them.
    """
    if n_rows < 2:
        return 0
    tokens = torch.cat([prompts.clean, prompts.corrupted])
    same = (tokens == tokens[:1]).all(dim=0)
    length = len(same) if bool(same.all()) else int((~same).int().argmax())
    return min(length, prompts.query_index)
