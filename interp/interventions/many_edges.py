"""Edges replaced by the thousand: one product of masked patterns and values, and not one vector an edge.

What z changes by at a query is

    sum_{k replaced} (w_qk v_k of the run that replaces) - sum_{k replaced} w_qk v_k
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from interp.interventions.attend import Keys, head_values
from interp.interventions.cells import Bundle
from interp.interventions.rows import Part
from interp.interventions.writing import Batch

ONE_IN = 16  # the product is taken where at least one edge in so many is replaced


def are_many(cells: Bundle, pattern: Float[Tensor, "variant prompt head pos key"]) -> bool:
    """Whether the product is faster. A mean or another prompt's value is read edge by edge."""
    return cells.source in ("zero", "clean", "corrupted") and ONE_IN * len(cells.variant) >= pattern[:, 0].numel()


def change_of_many(
    cells: Bundle,
    pattern: Float[Tensor, "variant prompt head pos key"],
    places: Sequence[Keys],
    batch: Batch,
    part: Part,
    begin: int,
) -> Float[Tensor, "variant prompt pos head d_head"]:
    """What replacing the cells changes of z, at positions from `begin` on."""
    n_variants, _, n_heads, n_pos, n_keys = pattern.shape
    mask = pattern.new_zeros(n_variants, 1, n_heads, n_pos, n_keys)
    mask[cells.variant, 0, cells.head, cells.query - begin, cells.key] = 1
    change = -head_values(pattern * mask, places)
    if cells.source == "clean" or cells.source == "corrupted":
        run, prompts = batch.runs[cells.source], batch.prompts(part.shared)
        theirs = run.site("pattern", cells.layer)[prompts, :, begin : begin + n_pos, :n_keys]
        value = run.past(cells.layer)[1][prompts, :n_keys]
        value = value.repeat_interleave(n_heads // value.shape[2], dim=2)
        change += torch.einsum("vphqk,pkhd->vpqhd", theirs * mask, value)
    return change
