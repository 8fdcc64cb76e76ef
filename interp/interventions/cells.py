"""Edits of many variants as index arrays, one bundle for each (layer, site, source), and the values that they read.

A *cell* is one number or vector that one edit of one variant replaces. Edits with `None` or a role of several tokens
become several cells; causally impossible ones (key after query) never become any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.errors import UserError
from interp.interventions.edits import KEY_SIDE, RESIDUAL, Edit, Reference, Source
from interp.interventions.runs import Runs, no_site
from interp.models.info import windows_of
from interp.prompts.pairs import PromptSet

Place = tuple[int, str, Source, Reference]
"""Layer, site, source and reference."""


@dataclass(frozen=True)
class Dimensions:
    """The sizes that edits are checked against.

    Args:
        windows: how many positions a layer's queries see, their own included (None: all); empty: all, in every layer.
        absent: sites that the model's blocks do not have.
    """

    n_layers: int
    n_heads: int
    n_kv_heads: int
    windows: tuple[int | None, ...] = ()
    absent: frozenset[str] = frozenset()

    @classmethod
    def of(cls, cfg: Any) -> Dimensions:
        """Sizes of a TransformerLens config."""
        absent = ["resid_mid"] if cfg.parallel_attn_mlp else ["resid_mid", "mlp_out"] if cfg.attn_only else []
        kv_heads = cfg.n_key_value_heads or cfg.n_heads
        return cls(cfg.n_layers, cfg.n_heads, kv_heads, windows_of(cfg), frozenset(absent))

    def heads(self, site: str) -> int:
        """Heads that a site has: keys and values belong to key-value heads."""
        return self.n_kv_heads if site in KEY_SIDE else self.n_heads

    def sees(self, layer: int, query: int, key: int) -> bool:
        """Whether a layer's query looks at a key: not after it, and within the window."""
        window = self.windows[layer] if self.windows else None
        return key <= query and (window is None or query - key < window)

    def seen(self, layer: int, n_tokens: int) -> tuple[Int[np.ndarray, " edge"], Int[np.ndarray, " edge"]]:
        """The query and key positions, from 0, of all edges of a layer."""
        query, key = np.tril_indices(n_tokens)
        window = self.windows[layer] if self.windows else None
        there = query - key < (n_tokens if window is None else window)
        return query[there], key[there]

    def exists(self, edit: Edit, prompts: PromptSet) -> bool:
        """Whether an edge or attention weight of an edit, or any of them, is within its layer's window."""
        if edit.site not in ("edge", "pattern") or not self.windows or self.windows[edit.layer] is None:
            return True
        queries, keys = prompts.indices(edit.query), prompts.indices(edit.key)
        causal = [(query, key) for query in queries for key in keys if key <= query]
        return not causal or any(self.sees(edit.layer, *pair) for pair in causal)


@dataclass(frozen=True)
class Cell:
    """One place that one edit replaces, in tensor indices (-1 where the site has no such axis), and by what."""

    layer: int
    site: str
    source: Source
    reference: Reference
    head: int
    query: int
    key: int

    @property
    def position(self) -> int:
        """The first token position whose activation changes."""
        return self.key if self.query < 0 else self.query


def cells_of(edit: Edit, prompts: PromptSet, sizes: Dimensions) -> list[Cell]:
    """The cells of one edit. Raises UserError for a layer, head, position, site or edge that does not exist."""
    if not 0 <= edit.layer < sizes.n_layers:
        raise UserError(f"layer {edit.layer} is out of range; the model has layers 0 to {sizes.n_layers - 1}")
    if edit.site in sizes.absent:
        raise no_site(edit.site, edit.layer)
    n_heads = sizes.heads(edit.site)
    if edit.head is not None and not 0 <= edit.head < n_heads:
        kind = "key-value heads" if edit.site in KEY_SIDE else "heads"
        raise UserError(f"head {edit.head} is out of range; site {edit.site} has {kind} 0 to {n_heads - 1}")
    heads = [-1] if edit.site in RESIDUAL else [edit.head] if edit.head is not None else list(range(n_heads))
    # Two edits that do the same make the same cells: what nobody reads is no part of them.
    reference: Reference = edit.reference if edit.source in ("mean", "resample") else "clean"
    place = (edit.layer, edit.site, edit.source, reference)
    if edit.site in KEY_SIDE:
        return [Cell(*place, head, -1, key) for head in heads for key in prompts.indices(edit.key)]
    queries = prompts.indices(edit.query)
    if edit.site not in ("pattern", "edge"):
        return [Cell(*place, head, query, -1) for head in heads for query in queries]
    pairs = [(query, key) for query in queries for key in prompts.indices(edit.key) if key <= query]
    if not pairs:
        raise UserError(
            f"key {edit.key!r} comes after query {edit.query!r}; attention is causal, so there is no such edge"
        )
    distance = min(query - key for query, key in pairs)
    pairs = [(query, key) for query, key in pairs if sizes.sees(edit.layer, query, key)]
    if not pairs:
        raise UserError(
            f"key {edit.key!r} is {distance} tokens before query {edit.query!r}, and queries of layer {edit.layer} see "
            f"{sizes.windows[edit.layer]} tokens, their own included, so there is no such edge"
        )
    return [Cell(*place, head, query, key) for head in heads for query, key in pairs]


@dataclass(frozen=True)
class Bundle:
    """Cells of one layer, site and source; `variant` numbers them within a chunk."""

    layer: int
    site: str
    source: Source
    reference: Reference
    variant: Int[Tensor, " cell"]
    head: Int[Tensor, " cell"]
    query: Int[Tensor, " cell"]
    key: Int[Tensor, " cell"]


def bundle(cells: Sequence[Iterable[Cell]], device: Any) -> list[Bundle]:
    """The cells of many variants, one sequence each, gathered by (layer, site, source)."""
    rows: dict[Place, list[tuple[int, int, int, int]]] = defaultdict(list)
    for number, mine in enumerate(cells):
        for cell in mine:
            place = (cell.layer, cell.site, cell.source, cell.reference)
            rows[place].append((number, cell.head, cell.query, cell.key))
    return [bundled(place, np.array(indices).T, device) for place, indices in rows.items()]


def bundled(place: Place, indices: Int[np.ndarray, "4 cell"], device: Any) -> Bundle:
    """Variant, head, query and key of many cells as a bundle."""
    return Bundle(*place, *torch.from_numpy(np.ascontiguousarray(indices)).to(device))


def read(cells: Bundle, run: Any, sizes: Dimensions, rows: Int[Tensor, " row"]) -> Float[Tensor, "cell row *d"]:
    """The values that a run has at the cells, for the prompts in `rows`; an edge's value is w_qk v_k."""
    if cells.site == "edge":
        weight = run.site("pattern", cells.layer)[rows][:, cells.head, cells.query, cells.key]
        kv_head = cells.head // (sizes.n_heads // sizes.n_kv_heads)
        value = run.past(cells.layer)[1][rows][:, cells.key, kv_head]
        return (weight[..., None] * value).transpose(0, 1)
    act = run.site(cells.site, cells.layer)[rows]
    if cells.site == "pattern":
        values = act[:, cells.head, cells.query, cells.key]
    elif cells.site in RESIDUAL:
        values = act[:, cells.query]
    else:
        values = act[:, cells.key if cells.site in KEY_SIDE else cells.query, cells.head]
    return values.transpose(0, 1)


def replacement(
    cells: Bundle, runs: Runs, sizes: Dimensions, rows: Int[Tensor, " row"], resampled: Int[Tensor, " prompt"]
) -> Float[Tensor, "cell row *d"] | float:
    """What the cells are replaced by, for the prompts in `rows`.

    `mean` is the mean over all prompts of the reference run of this set; `resample` the value of the prompt that
    `resampled` names. Both need a set of at least two prompts, or they would silently do nothing.
    """
    if cells.source == "zero":
        return 0.0
    if cells.source in ("clean", "corrupted"):
        return read(cells, runs[cells.source], sizes, rows)
    if len(resampled) < 2:
        raise UserError(f"{cells.source} replacement needs a template with at least two prompts, or it changes nothing")
    run = runs[cells.reference]
    if cells.source == "resample":
        return read(cells, run, sizes, resampled[rows])
    everyone = read(cells, run, sizes, torch.arange(len(resampled), device=rows.device))
    return everyone.mean(dim=1, keepdim=True).expand(-1, len(rows), *everyone.shape[2:])
