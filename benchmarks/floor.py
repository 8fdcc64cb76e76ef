"""The arithmetic floor of a sweep: the matrix arithmetic that nobody can leave out, in floating-point operations.

The rule: a token's row goes through a matrix only if the row changed. So a cell that edits layer l at position p costs

    at layer l     what comes after the edit, for the edited tokens: a head's own columns of the output projection
                   (the change of z times that head's W_O, added to the known attention output) and the MLP;
                   a new residual stream before the block goes through all of the block;
    above          attention is causal, so tokens p..query change and none before. Keys, values and queries are needed
                   for the tokens whose input changed: one layer above the edit these are the edited tokens only, the
                   others change by attending to them; further up it is p..query. Output projection and MLP: p..query;
    last block     keys and values of the changed tokens, everything else for the query position only.

Cells that change nothing cost nothing: in the last block at another position than the query's, or a patch where clean and
corrupted runs are the same. Rows that are equal are computed once: a token's activations depend on the tokens up to it,
so prompts that begin alike share these rows (in the unedited runs and in edited ones). The unedited runs are part of it.

Left out: attention scores and their weighted sums, normalisations, activation functions, embedding, and the unembedding of
the two answer tokens. They are no matrix products or under a percent at these lengths, so the floor is a little too low and
the fraction of it that is reached a little too pessimistic. A multiply-add counts as two operations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.workloads import Cell, Workload
from interp.prompts.pairs import PromptSet


@dataclass(frozen=True)
class Shape:
    """The sizes that the count depends on, and operations a token for each matrix of a block."""

    n_layers: int
    d_model: int
    n_heads: int
    n_kv_heads: int
    d_head: int
    d_mlp: int
    gated: bool

    @classmethod
    def of(cls, cfg: Any) -> Shape:
        """Sizes of a TransformerLens config."""
        kv = cfg.n_key_value_heads or cfg.n_heads
        return cls(cfg.n_layers, cfg.d_model, cfg.n_heads, kv, cfg.d_head, cfg.d_mlp, bool(cfg.gated_mlp))

    @property
    def q(self) -> int:
        """Queries of all heads."""
        return 2 * self.d_model * self.n_heads * self.d_head

    @property
    def kv(self) -> int:
        """Keys and values of all key-value heads."""
        return 4 * self.d_model * self.n_kv_heads * self.d_head

    @property
    def o(self) -> int:
        """Output projection of all heads."""
        return 2 * self.n_heads * self.d_head * self.d_model

    @property
    def o_head(self) -> int:
        """Output projection of one head."""
        return 2 * self.d_head * self.d_model

    @property
    def mlp(self) -> int:
        """MLP; a gated one has three matrices."""
        return (6 if self.gated else 4) * self.d_model * self.d_mlp

    @property
    def block(self) -> int:
        """All of it."""
        return self.q + self.kv + self.o + self.mlp


def floor_flops(workload: Workload, prompts: PromptSet, shape: Shape) -> int:
    """Operations that the sweep needs at least, unedited runs included."""
    return base_flops(workload, prompts, shape) + cells_flops(workload, prompts, shape)


def base_flops(workload: Workload, prompts: PromptSet, shape: Shape) -> int:
    """The unedited runs: the clean one, and for patching the corrupted one; a beginning that they share counts once."""
    runs = [prompts.clean] if workload.sweep == "edges" else [prompts.clean, prompts.corrupted]
    rows = [tuple(row) for run in runs for row in run.tolist()]
    length = prompts.clean.shape[1]
    beginnings = [len({row[: token + 1] for row in rows}) for token in range(length)]
    at_query = beginnings[prompts.query_index]
    last = shape.kv * sum(beginnings) + (shape.q + shape.o + shape.mlp) * at_query
    return (shape.n_layers - 1) * shape.block * sum(beginnings) + last


def cells_flops(workload: Workload, prompts: PromptSet, shape: Shape) -> int:
    """The edited runs alone."""
    count = _Count(workload, prompts, shape)
    # Cells that edit the same tokens of a layer cost the same; edges are many cells and few such places.
    places: dict[tuple[int, frozenset[int]], int] = {}
    for cell in workload.cells:
        place = (cell.layer, count.edited(cell))
        places[place] = places.get(place, 0) + 1
    return sum(number * count.place(*place) for place, number in places.items())


class _Count:
    def __init__(self, workload: Workload, prompts: PromptSet, shape: Shape) -> None:
        self._shape = shape
        self._sweep = workload.sweep
        self._query = prompts.query_index
        self._first = prompts.first_difference
        self._differs = (prompts.clean != prompts.corrupted).any(0).tolist()
        # A patched row depends on the beginnings of both runs, a cut one on that of the clean run.
        rows = prompts.clean.tolist()
        others = rows if workload.sweep == "edges" else prompts.corrupted.tolist()
        self._rows = [
            len({(*a[: token + 1], *b[: token + 1]) for a, b in zip(rows, others, strict=True)})
            for token in range(prompts.clean.shape[1])
        ]

    def edited(self, cell: Cell) -> frozenset[int]:
        """The tokens whose activation an edit really changes; none after the query matters."""
        tokens: Iterable[int] = range(self._query + 1) if cell.query is None else [cell.query]
        if self._sweep == "resid_pre" and cell.layer == 0:  # embeddings: only where the tokens differ
            return frozenset(token for token in tokens if self._differs[token])
        first = 0 if self._sweep == "edges" else self._first
        return frozenset(token for token in tokens if first <= token <= self._query)

    def place(self, layer: int, edited: frozenset[int]) -> int:
        """A cell that edits these tokens at this layer."""
        if self._sweep == "resid_pre":
            return self._from_block(layer, edited)
        shape = self._shape
        if layer == shape.n_layers - 1:
            edited = edited & {self._query}
        edit = (shape.o_head + shape.mlp) * self._rows_of(edited)
        return edit + self._from_block(layer + 1, edited)

    def _from_block(self, layer: int, changed: frozenset[int]) -> int:
        """From the input of a block to the end, given the tokens whose input changed."""
        shape, total = self._shape, 0
        while changed and layer < shape.n_layers:
            if layer == shape.n_layers - 1:
                total += shape.kv * self._rows_of(changed) + (shape.o + shape.mlp) * self._rows_of({self._query})
                return total + shape.q * self._rows_of(changed & {self._query})
            reached = frozenset(range(min(changed), self._query + 1))
            total += (shape.q + shape.kv) * self._rows_of(changed) + (shape.o + shape.mlp) * self._rows_of(reached)
            changed, layer = reached, layer + 1
        return total

    def _rows_of(self, tokens: Iterable[int]) -> int:
        return sum(self._rows[token] for token in tokens)
