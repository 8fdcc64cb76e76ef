"""Which variants run together, where each begins, and which need not run at all.

A variant changes nothing before its first edited layer, nor, because attention is causal, at positions before its first
edited one. So it *joins* the sweep over the layers where its first edit is, and from then on holds only the positions
from its `first` one to the query. What cannot reach the query is dropped here: a variant without any edit that can is
exactly the base run. Variants that do the same are run once.

A variant joins at one of four stages of a layer:

    pre         its residual stream differs before the block (resid_pre, or mlp_out of the block below)
    branch      so far another variant did the same: its residual stream is copied (interp.interventions.branching)
    attention   its queries, keys or values are edited
    mid         only what heads add to the residual stream is edited (edge, z, pattern, attn_out, resid_mid): nothing of
                its attention has to be computed in that layer
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import torch

from interp.interventions.cells import Bundle, Cell, Dimensions, bundled
from interp.interventions.edits import Variant
from interp.interventions.live import LiveCells, Piece
from interp.prompts.pairs import PromptSet

PRE, BRANCH, ATTENTION, MID = range(4)
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
    """A variant that must be run: the numbers under which it was asked for, its live cells, and its start.

    One that branches off copies the residual stream of the variant at place `parent` of its chunk; `pieces` are then those
    that it does not have in common with it.
    """

    numbers: tuple[int, ...]
    pieces: tuple[Piece, ...]
    start: Start
    parent: int | None = None

    @property
    def cells(self) -> Iterable[Cell]:
        """Its live cells, in the order of its edits."""
        return chain.from_iterable(piece.cells for piece in self.pieces)


@dataclass(frozen=True)
class Plan:
    """Variants of one base run, in the order in which they join; `unchanged` are the numbers of those that are the base
    run itself."""

    planned: tuple[Planned, ...]
    unchanged: tuple[int, ...]

    @property
    def n_repeated(self) -> int:
        """Variants that do what another one does."""
        return sum(len(variant.numbers) - 1 for variant in self.planned)


def make_plan(variants: Sequence[Variant], numbers: Iterable[int], prompts: PromptSet, sizes: Dimensions) -> Plan:
    """The plan of the variants with the given numbers, which have one base run in common.

    Raises UserError for a layer, head or position that does not exist.
    """
    live = LiveCells(prompts, sizes)
    groups: dict[tuple[Piece, ...], list[int]] = defaultdict(list)
    for number in numbers:
        groups[live.pieces(variants[number])].append(number)
    unchanged = tuple(groups.pop((), ()))
    planned = [Planned(tuple(same), pieces, start_of(pieces)) for pieces, same in groups.items()]
    planned.sort(key=joining_order)
    return Plan(tuple(planned), unchanged)


def joining_order(variant: Planned) -> tuple[int, int, bool, int]:
    """Variants in the order in which they join a sweep."""
    return variant.start.layer, variant.start.stage, variant.start.narrow, variant.start.first


def start_of(pieces: Sequence[Piece]) -> Start:
    """Where a variant with these live cells joins."""
    joins = [_joins(piece) for piece in pieces]
    layer, stage = min(joins)
    summands = {
        piece.site
        for piece, place in zip(pieces, joins, strict=True)
        if place == (layer, MID) and piece.site in SUMMANDS
    }
    if stage == MID and len(summands) > 1:
        # Several kinds at once act on each other: the attention of that layer is computed, and they are applied in turn.
        stage = ATTENTION
    first = min(piece.first for piece in pieces)
    return Start(layer, stage, first, all(piece.last == first for piece in pieces))


def whole(variant: Planned) -> Planned:
    """The same variant run from the first token on: a hook that somebody left may count positions."""
    return replace(variant, start=replace(variant.start, first=0))


def _joins(piece: Piece) -> tuple[int, int]:
    if piece.site == "mlp_out":
        return piece.layer + 1, PRE
    if piece.site == "resid_pre":
        return piece.layer, PRE
    return piece.layer, ATTENTION if piece.site in ("q", "k", "v") else MID


def chunks(planned: Sequence[Planned], tokens_of: Callable[[Planned], int], most: int) -> list[list[Planned]]:
    """Consecutive variants with at most `most` tokens together (one variant at least)."""
    filled: list[list[Planned]] = []
    held = 0
    for variant in planned:
        tokens = tokens_of(variant)
        if not filled or held + tokens > most:
            filled.append([])
            held = 0
        filled[-1].append(variant)
        held += tokens
    return filled


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
    for number, variant in enumerate(chunk):
        start = variant.start
        for piece in variant.pieces:
            # A residual stream that is replaced before its block is written once the variant is there.
            joining = start.stage in (PRE, MID) and piece.site != "resid_pre"
            joining = joining and _joins(piece) == (start.layer, start.stage)
            for cell in piece.cells:
                key = (cell.layer, cell.site, cell.source, cell.reference, start.first, cell.position < prefix, joining)
                rows[key].append((number, cell.head, cell.query, cell.key))
    by_site: dict[tuple[int, str], list[Cells]] = defaultdict(list)
    for (layer, site, source, reference, first, shared, joining), cells in rows.items():
        columns = vars(bundled((layer, site, source, reference), cells, device))
        by_site[layer, site].append(Cells(**columns, first=first, shared=shared, joining=joining))
    return by_site


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
