"""Edits of many variants as index arrays, one bundle for each (layer, site, source), and the values that they read.

A *cell* is one number or vector that one edit of one variant replaces. Edits with `None` or a role of several tokens
become several cells; causally impossible ones (key after query) never become any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.errors import UserError
from interp.interventions.edits import KEY_SIDE, RESIDUAL, Edit, Reference, Source, Variant
from interp.interventions.runs import Runs
from interp.prompts.pairs import PromptSet

Place = tuple[int, str, Source, Reference]
"""Layer, site, source and reference."""


@dataclass(frozen=True)
class Dimensions:
    """The sizes that edits are checked against."""

    n_layers: int
    n_heads: int
    n_kv_heads: int

    @classmethod
    def of(cls, cfg: Any) -> Dimensions:
        """Sizes of a TransformerLens config."""
        return cls(cfg.n_layers, cfg.n_heads, cfg.n_key_value_heads or cfg.n_heads)

    def heads(self, site: str) -> int:
        """Heads that a site has: keys and values belong to key-value heads."""
        return self.n_kv_heads if site in KEY_SIDE else self.n_heads


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
    """The cells of one edit. Raises UserError for a layer, head or position that does not exist, or a key after its query."""
    if not 0 <= edit.layer < sizes.n_layers:
        raise UserError(f"layer {edit.layer} is out of range; the model has layers 0 to {sizes.n_layers - 1}")
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
    return [Cell(*place, head, query, key) for head in heads for query, key in pairs]


@dataclass(frozen=True, eq=False)
class Piece:
    """The live cells of one edit: at least one, all in one layer and at one site. Equal pieces of one `LiveCells` are the
    same object, and `number` counts them."""

    number: int
    cells: tuple[Cell, ...]

    @cached_property
    def first(self) -> int:
        """The first token position that changes."""
        return min(cell.position for cell in self.cells)

    @cached_property
    def last(self) -> int:
        """The last token position that changes."""
        return max(cell.position for cell in self.cells)

    @property
    def layer(self) -> int:
        """The layer of all of its cells."""
        return self.cells[0].layer

    @property
    def site(self) -> str:
        """The site of all of its cells."""
        return self.cells[0].site


class LiveCells:
    """The cells of variants that can change the metric of one prompt set.

    Left out is what attention, being causal, makes exactly nothing: positions after the query; in the last layer,
    whatever is added at other positions than the query; and a patch from the other run before the two prompts differ,
    where nothing earlier in the prompt is edited either.

    What an edit comes to is worked out once: a search asks for the same few hundred edges in thousands of sets.
    """

    def __init__(self, prompts: PromptSet, sizes: Dimensions) -> None:
        self._prompts, self._sizes = prompts, sizes
        self._reaching: dict[Edit, _Reaching] = {}
        self._pieces: dict[tuple[Cell, ...], Piece] = {}
        self._of_object: dict[int, tuple[Edit, _Reaching]] = {}

    def pieces(self, variant: Variant) -> tuple[Piece, ...]:
        """One for every edit that has live cells, in their order. Raises UserError as `cells_of` does."""
        found = [self._of(edit) for edit in variant.edits]
        first = min((one.first for one in found), default=0)
        pieces = (one.always or self._late(one, first) for one in found)
        return tuple([piece for piece in pieces if piece is not None])

    def cells(self, variant: Variant) -> list[Cell]:
        """All live cells of a variant."""
        return [cell for piece in self.pieces(variant) for cell in piece.cells]

    def _of(self, edit: Edit) -> _Reaching:
        # Searches hand over the same objects again and again, and to compare seven fields takes longer than the rest.
        kept = self._of_object.get(id(edit))
        if kept is None:
            kept = self._of_object[id(edit)] = (edit, self._known(edit))
        return kept[1]

    def _known(self, edit: Edit) -> _Reaching:
        if edit not in self._reaching:
            query, different = self._prompts.query_index, self._prompts.first_difference
            cells = [cell for cell in cells_of(edit, self._prompts, self._sizes) if _reaches(cell, query, self._sizes)]
            same = edit.source in ("clean", "corrupted")
            changing = [cell.position for cell in cells if not (same and cell.position < different)]
            first = min(changing, default=len(self._prompts.clean[0]))
            always = self._piece(tuple(cells)) if cells and len(changing) == len(cells) else None
            self._reaching[edit] = _Reaching(tuple(cells), different if same else 0, first, always)
        return self._reaching[edit]

    def _late(self, one: _Reaching, first: int) -> Piece | None:
        """What is left of an edit where nothing before `first` is changed by any."""
        cells = tuple([cell for cell in one.cells if cell.position >= min(first, one.different)])
        return self._piece(cells) if cells else None

    def _piece(self, cells: tuple[Cell, ...]) -> Piece:
        return self._pieces.setdefault(cells, Piece(len(self._pieces), cells))


@dataclass(frozen=True, eq=False)
class _Reaching:
    """What the query can read of an edit: its cells; the position before which they would write what is there already; the
    first position at which they change something; and its piece, where every cell does."""

    cells: tuple[Cell, ...]
    different: int
    first: int
    always: Piece | None


def _reaches(cell: Cell, query: int, sizes: Dimensions) -> bool:
    """Whether the query position can still read what the cell changes."""
    if cell.layer == sizes.n_layers - 1 and cell.site not in ("resid_pre", *KEY_SIDE):
        return cell.position == query
    return cell.position <= query


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
    return [bundled(place, found, device) for place, found in rows.items()]


def bundled(place: Place, cells: Sequence[tuple[int, int, int, int]], device: Any) -> Bundle:
    """(variant, head, query, key) of many cells as a bundle."""
    return Bundle(*place, *torch.tensor(cells, device=device).T.contiguous())


def read(cells: Bundle, run: Any, sizes: Dimensions, rows: Int[Tensor, " row"]) -> Float[Tensor, "cell row *d"]:
    """The values that a run has at the cells, for the prompts in `rows`; an edge's value is w_qk v_k."""
    if cells.site == "edge":
        weight = run.site("pattern", cells.layer)[rows][:, cells.head, cells.query, cells.key]
        kv_head = cells.head // (sizes.n_heads // sizes.n_kv_heads)
        value = run.past(cells.layer)[1][rows][:, cells.key, kv_head]
        return (weight[..., None] * value).transpose(0, 1)
    act = run.site(cells.site, cells.layer)[rows]
    if cells.site == "pattern":
        found = act[:, cells.head, cells.query, cells.key]
    elif cells.site in RESIDUAL:
        found = act[:, cells.query]
    else:
        found = act[:, cells.key if cells.site in KEY_SIDE else cells.query, cells.head]
    return found.transpose(0, 1)


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
