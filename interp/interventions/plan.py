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
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from interp.interventions.cells import Bundle, Cell, bundled
from interp.interventions.edits import SITES, Variant
from interp.interventions.live import LiveCells
from interp.interventions.pieces import ATTENTION, MID, PRE, STAGES, Pieces, alike
from interp.prompts.pairs import PromptSet

SUMMANDS = np.array([SITES.index(site) for site in ("edge", "z", "pattern")])


@dataclass(frozen=True)
class Start:
    """Where a variant joins. `narrow`: all that it edits is at its first position."""

    layer: int
    stage: int
    first: int
    narrow: bool


@dataclass(frozen=True, eq=False)
class Planned:
    """A variant that must be run: the numbers under which it was asked for, its live cells, and its start.

    One that branches off copies the residual stream of the variant at place `parent` of its chunk; `pieces` are then those
    that it does not have in common with it.
    """

    numbers: tuple[int, ...]
    known: Pieces
    pieces: Int[np.ndarray, " piece"]
    start: Start
    parent: int | None = None

    @property
    def cells(self) -> Iterable[Cell]:
        """Its live cells, in the order of its edits."""
        return [cell for number in self.pieces.tolist() for cell in self.known.cells(number)]

    @property
    def layers(self) -> Int[np.ndarray, " piece"]:
        """The layer of each piece."""
        return self.known.columns.layer[self.pieces]


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


def make_plan(variants: Sequence[Variant], numbers: Iterable[int], live: LiveCells) -> Plan:
    """The plan of the variants with the given numbers, which have one base run in common.

    Raises UserError for a layer, head or position that does not exist.
    """
    same: dict[bytes, list[int]] = defaultdict(list)
    different: dict[bytes, Int[np.ndarray, " piece"]] = {}
    asked = list(numbers)
    for number, pieces in zip(asked, live.of([variants[number] for number in asked]), strict=True):
        key = alike(pieces)
        same[key].append(number)
        different.setdefault(key, pieces)
    known, unchanged = live.pieces, tuple(same.pop(b"", ()))
    planned = [
        Planned(tuple(mine), known, different[key], start_of(known, different[key])) for key, mine in same.items()
    ]
    planned.sort(key=joining_order)
    return Plan(tuple(planned), unchanged)


def joining_order(variant: Planned) -> tuple[int, int, bool, int]:
    """Variants in the order in which they join a sweep."""
    return variant.start.layer, variant.start.stage, variant.start.narrow, variant.start.first


def start_of(known: Pieces, pieces: Int[np.ndarray, " piece"]) -> Start:
    """Where a variant with these live cells joins."""
    columns = known.columns
    joins = columns.joins[pieces]
    layer, stage = divmod(int(joins.min()), STAGES)
    if stage == MID and len(pieces) > 1:
        sites = np.unique(columns.site[pieces[joins == joins.min()]])
        if np.isin(sites, SUMMANDS).sum() > 1:
            # Several kinds at once act on each other: the attention of that layer is computed, and they are applied in turn.
            stage = ATTENTION
    first = int(columns.first[pieces].min())
    return Start(layer, stage, first, bool((columns.last[pieces] == first).all()))


def whole(variant: Planned) -> Planned:
    """The same variant run from the first token on: a hook that somebody left may count positions."""
    return replace(variant, start=replace(variant.start, first=0))


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
    by_site: dict[tuple[int, str], list[Cells]] = defaultdict(list)
    known = chunk[0].known
    of_variant = [known.cells_of(variant.pieces) for variant in chunk]
    variant = np.repeat(np.arange(len(chunk)), [len(cells) for cells in of_variant])
    cells, columns, places = np.concatenate(of_variant), known.cell_columns, known.places
    place, first = columns.place[cells], np.array([each.start.first for each in chunk])[variant]
    shared = columns.position[cells] < prefix
    # A residual stream that is replaced before its block is written once the variant is there.
    early = np.array([site == "resid_pre" for _, site, _, _ in places])[place]
    starts = [each.start.layer * STAGES + each.start.stage if each.start.stage in (PRE, MID) else -1 for each in chunk]
    joining = ~early & (columns.joins[cells] == np.array(starts)[variant])
    n_first = int(first.max(initial=0)) + 1
    for here in _same(((place * n_first + first) * 2 + shared) * 2 + joining):
        one = here[0]
        indices = np.concatenate([variant[None, here], columns.indices[:, cells[here]]])
        made = vars(bundled(places[place[one]], indices, device))
        written = Cells(**made, first=int(first[one]), shared=bool(shared[one]), joining=bool(joining[one]))
        by_site[written.layer, written.site].append(written)
    return by_site


def _same(group: Int[np.ndarray, " cell"]) -> list[Int[np.ndarray, " same"]]:
    """The cells of each group, groups in the order in which they first occur."""
    _, begins, number = np.unique(group, return_index=True, return_inverse=True)
    cells = np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])
    return [cells[group] for group in np.argsort(begins).tolist()]


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
