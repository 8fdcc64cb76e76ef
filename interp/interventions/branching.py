"""Variants that begin alike: what they have in common is run once.

A search cuts hundreds of edges at a time, and its sets differ in few of them: the first ten heads of an order and the
first eleven do the same up to the layer of the eleventh. In the order in which `branching_chunks` puts them, every variant stands
behind the one with which it has most layers in common; there it *branches off*: at the first layer in which the two differ
it copies the other's residual stream, and goes its own way. Nothing is approximated: the stream is the one that it would
have had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
import torch
from jaxtyping import Int

from interp.interventions.pieces import BRANCH, alike
from interp.interventions.plan import Planned, chunks, joining_order
from interp.interventions.rows import Rows

History = tuple[tuple[int, bytes], ...]
"""(minus the layer, ranks of the pieces there, as `alike` writes them), by layer."""


def branching_chunks(planned: Sequence[Planned], tokens_of: Callable[[Planned], int], most: int) -> list[list[Planned]]:
    """Chunks (interp.interventions.plan) in which variants branch off others, each in the order in which they join.

    `planned` are in that order, too, and branch off nobody so far.
    """
    rank = _ranks(planned) if planned else np.empty(0, dtype=np.int64)
    histories = {id(variant): _history(variant, rank) for variant in planned}

    def history(variant: Planned) -> History:
        return histories[id(variant)]

    in_order = [variant for _, group in groupby(planned, joining_order) for variant in sorted(group, key=history)]
    return [_branched(chunk, [history(variant) for variant in chunk]) for chunk in chunks(in_order, tokens_of, most)]


def copied(layer: int, chunk: Sequence[Planned], rows: Sequence[Rows]) -> list[Rows]:
    """The variants that branch off before this layer: copies of their parents' rows."""
    mine = [
        number for number, variant in enumerate(chunk) if (variant.start.layer, variant.start.stage) == (layer, BRANCH)
    ]
    if not mine:
        return []
    parents = [chunk[number].parent for number in mine]
    copies = []
    for group in rows:
        place = {member: row for row, member in enumerate(group.members.tolist())}
        here = [(number, place[parent]) for number, parent in zip(mine, parents, strict=True) if parent in place]
        if here:
            numbers, places = torch.tensor(here, device=group.members.device).T.contiguous()
            parts = tuple(replace(part, resid=part.resid[places]) for part in group.parts)
            copies.append(Rows(group.first, numbers, parts))
    return copies


def _branched(chunk: Sequence[Planned], histories: Sequence[History]) -> list[Planned]:
    """Variants of one chunk that take from others what they have in common with them."""
    parents: list[int | None] = [None] * len(chunk)
    layers = [-1] * len(chunk)
    for number in range(1, len(chunk)):
        parent: int | None = number - 1
        if joining_order(chunk[number - 1]) != joining_order(chunk[number]):
            continue
        layer = _parting(histories[number - 1], histories[number])
        if layer is None:
            continue
        # One that branches off no earlier is not there yet; what it came from did the same until then.
        while parent is not None and layers[parent] >= layer:
            parent = parents[parent]
        parents[number], layers[number] = parent, layer
    made = [_branch(variant, layer) if layer >= 0 else variant for variant, layer in zip(chunk, layers, strict=True)]
    order = sorted(range(len(made)), key=lambda number: joining_order(made[number]))
    place = {number: row for row, number in enumerate(order)}
    parent_of = [None if parent is None else place[parent] for parent in parents]
    return [replace(made[number], parent=parent_of[number]) for number in order]


def _branch(variant: Planned, layer: int) -> Planned:
    start = replace(variant.start, layer=layer, stage=BRANCH)
    return replace(variant, start=start, pieces=variant.pieces[variant.layers >= layer])


def _parting(left: History, right: History) -> int | None:
    """The first layer in which two variants differ; None where they have no edit in common before it."""
    same = 0
    while same < min(len(left), len(right)) and left[same] == right[same]:
        same += 1
    return min(-history[same][0] for history in (left, right) if same < len(history)) if same else None


def _ranks(planned: Sequence[Planned]) -> Int[np.ndarray, " piece"]:
    """The order in which pieces are first asked for here, so that what was asked for before makes no difference."""
    pieces, begins = np.unique(np.concatenate([variant.pieces for variant in planned]), return_index=True)
    rank = np.empty(pieces[-1] + 1, dtype=np.int64)
    rank[pieces[np.argsort(begins)]] = np.arange(len(pieces))
    return rank


def _history(variant: Planned, rank: Int[np.ndarray, " piece"]) -> History:
    """What a variant edits, layer by layer. Sorted by it, a variant stands behind the one with which it has most layers in
    common: layers are negative so that one without an edit comes before any edit of it."""
    layers = variant.layers
    if len(layers) == 1:
        return ((-int(layers[0]), alike(rank[variant.pieces])),)
    order = np.argsort(layers, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(layers[order])) + 1)
    return tuple((-int(layers[part[0]]), alike(rank[variant.pieces[part]])) for part in parts)
