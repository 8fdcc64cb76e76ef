"""Hooks that write the cells of a chunk of variants into a running forward pass.

A chunk is one batch of `n_variants * n_prompts` rows (variant-major) that starts at token position `first`; its rows'
earlier positions live in the key-value cache (`past`), where there is one. Every hook counts what it wrote, so an edit that
never ran is an error and no silent no-op.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from interp.interventions.cells import Bundle, Dimensions
from interp.interventions.edits import KEY_SIDE, RESIDUAL
from interp.interventions.runs import HOOKS

Value = Tensor | float


class ChunkHooks:
    """The hooks of one chunk. `hooks()` goes to `model.hooks`; `check()` afterwards."""

    def __init__(
        self,
        bundles: Sequence[tuple[Bundle, Value]],
        past: Mapping[int, Any],
        sizes: Dimensions,
        n_variants: int,
        first: int,
    ) -> None:
        self._past = past
        self._sizes = sizes
        self._n_variants = n_variants
        self._first = first
        self._weights: dict[int, Tensor] = {}
        self._todo: dict[str, list[tuple[Bundle, Value]]] = {}
        self._pending = {id(cells) for cells, _ in bundles}
        for cells, value in bundles:
            # An edge is written into z, where its term has been summed; its weight is read off the pattern before.
            site = "z" if cells.site == "edge" else cells.site
            self._todo.setdefault(HOOKS[site].format(cells.layer), []).append((cells, value))
        edges = {cells.layer for cells, _ in bundles if cells.site == "edge"}
        self._watched = {HOOKS["pattern"].format(layer) for layer in edges}
        # Without a cache the values are read off the pass itself, which begins at the first position.
        self._values: dict[int, Tensor] = {}
        self._watched_values = {HOOKS["v"].format(layer) for layer in edges if layer not in past}

    def hooks(self) -> list[tuple[str, Callable[..., Tensor]]]:
        """(hook name, function) for every hook point that is written or read."""
        return [(name, self._run) for name in sorted({*self._todo, *self._watched, *self._watched_values})]

    def check(self) -> None:
        """Raise RuntimeError when an edit was never reached."""
        if self._pending:
            raise RuntimeError(f"{len(self._pending)} groups of edits were never applied: a hook did not run")

    def _run(self, act: Tensor, hook: Any) -> Tensor:
        act = act.contiguous()
        rows = act.view(self._n_variants, -1, *act.shape[1:])
        for cells, value in self._todo.get(hook.name, ()):
            (self._write_edge if cells.site == "edge" else self._write)(rows, cells, value)
            self._pending.discard(id(cells))
        if hook.name in self._watched:
            self._weights[hook.layer()] = rows.clone()
        if hook.name in self._watched_values:
            self._values[hook.layer()] = act.clone()
        return act

    def _write(self, rows: Float[Tensor, "variant prompt ..."], cells: Bundle, value: Value) -> None:
        if cells.site in RESIDUAL:
            rows[cells.variant, :, cells.query - self._first] = value
        elif cells.site == "pattern":
            rows[cells.variant, :, cells.head, cells.query - self._first, cells.key] = value
        else:
            position = cells.key if cells.site in KEY_SIDE else cells.query
            rows[cells.variant, :, position - self._first, cells.head] = value

    def _write_edge(self, rows: Float[Tensor, "variant prompt pos head d_head"], cells: Bundle, value: Value) -> None:
        query = cells.query - self._first
        weight = self._weights[cells.layer][cells.variant, :, cells.head, query, cells.key]
        values = self._past[cells.layer].past_values if cells.layer in self._past else self._values[cells.layer]
        values = values.view(self._n_variants, -1, *values.shape[1:])
        kv_head = cells.head // (self._sizes.n_heads // self._sizes.n_kv_heads)
        now = weight[..., None] * values[cells.variant, :, cells.key, kv_head]
        everyone = torch.arange(rows.shape[1], device=rows.device)[None]
        # Several keys of one head and query may be cut at once: their terms add up.
        rows.index_put_(
            (cells.variant[:, None], everyone, query[:, None], cells.head[:, None]), value - now, accumulate=True
        )
