"""What the heads of one layer gather for some variants, edits included."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from interp.interventions.attend import Keys, attend, head_values
from interp.interventions.block import Block
from interp.interventions.many_edges import are_many, change_of_many
from interp.interventions.plan import Cells
from interp.interventions.rows import Rows
from interp.interventions.writing import Batch, Edits, add_at

Held = Sequence[Float[Tensor, "variant _ _ _ d_head"]]


def gathered(
    block: Block, layer: int, batch: Batch, edits: Edits, rows: Rows, held: tuple[Held, Held, Held], last: bool
) -> list[Float[Tensor, "variant _ _ head d_head"]]:
    """z of every part at every position; with `last`, of the last part at the query alone.

    `held` are the queries, keys and values of the positions that every part holds.
    """
    base = batch.base
    base_k, base_v = base.past(layer)
    zs: list[Tensor] = []
    prefix: Keys | None = None
    for number, part in enumerate(rows.parts):
        query, key, value = (
            edits.written(layer, site, rows, part, batch.filled(of[number], part, base.site(site, layer)))
            for site, of in zip("qkv", held, strict=True)
        )
        places = []
        if rows.first:
            before = slice(0, rows.first)
            keys = block.key(batch.part(base_k, part.shared, before), 0)
            places.append(Keys("pskd", keys, batch.part(base_v, part.shared, before), 0))
        if prefix is not None:
            places.append(prefix)
        places.append(Keys("vpskd", block.key(key, part.start), value, part.start))
        if part.shared:
            prefix = Keys("vskd", places[-1].keys[:, 0], places[-1].values[:, 0], part.start)
            if last:
                continue
        begin = part.stop - 1 if last else part.start
        pattern = attend(block, block.query(query[:, :, begin - part.start :], begin), begin, places)
        for cells in edits.at(layer, "pattern", rows, part):
            pattern[cells.variant, :, cells.head, cells.query - begin, cells.key] = edits.value(cells, part)
        z = head_values(pattern, places)
        for cells in edits.at(layer, "z", rows, part):
            z[cells.variant, :, cells.query - begin, cells.head] = edits.value(cells, part)
        for cells in edits.at(layer, "edge", rows, part):
            if are_many(cells, pattern):
                edits.count(cells)
                z += change_of_many(cells, pattern, places, batch, part, begin)
                continue
            weight = pattern[cells.variant, :, cells.head, cells.query - begin, cells.key]
            term = weight[..., None] * _values_at(places, cells, block)
            add_at(z, cells.variant, cells.query - begin, cells.head, edits.value(cells, part) - term)
        zs.append(z)
    return zs


def _values_at(places: list[Keys], cells: Cells, block: Block) -> Float[Tensor, "cell _ d_head"]:
    """v at the keys of edges, wherever they stand."""
    kv_head = cells.head // (block.n_heads // block.n_kv_heads)
    values: Tensor | None = None
    for place in places:
        offset = (cells.key - place.first).clamp(0, place.size - 1)
        if place.axes == "pskd":
            here = place.values[:, offset, kv_head].transpose(0, 1)
        elif place.axes == "vskd":
            here = place.values[cells.variant, offset, kv_head][:, None]
        else:
            here = place.values[cells.variant, :, offset, kv_head]
        values = here if values is None else torch.where((cells.key >= place.first)[:, None, None], here, values)
    assert values is not None
    return values
