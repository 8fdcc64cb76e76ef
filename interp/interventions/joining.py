"""How variants join the sweep: the base run's residual stream, and what their first edits change of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from interp.interventions.block import Block
from interp.interventions.pieces import ATTENTION, MID
from interp.interventions.plan import Cells, Planned
from interp.interventions.rows import Part, Rows
from interp.interventions.writing import Batch, Edits, add_at


class Joining:
    """Makes the rows of the variants that join at a layer and stage (interp.interventions.plan)."""

    def __init__(self, blocks: Sequence[Block], batch: Batch, chunk: Sequence[Planned], edits: Edits) -> None:
        self._blocks, self._batch, self._chunk, self._edits = blocks, batch, chunk, edits

    def rows(self, layer: int, stage: int) -> list[Rows]:
        """Their rows, with the edits that they join by."""
        groups: dict[tuple[int, bool], list[int]] = {}
        for number, variant in enumerate(self._chunk):
            start = variant.start
            if (start.layer, start.stage) == (layer, stage):
                groups.setdefault((start.first, start.narrow or stage == ATTENTION), []).append(number)
        joined = []
        for (first, narrow), members in groups.items():
            n_held = 0 if stage == ATTENTION else 1 if narrow else None
            rows = self._from_base(layer, stage, first, n_held, members)
            for part in rows.parts if stage != ATTENTION else ():
                if stage == MID:
                    self._add_summands(layer, rows, part)
                self._replace(layer, stage, rows, part)
            joined.append(rows)
        return joined

    def _from_base(self, layer: int, stage: int, first: int, n_held: int | None, members: list[int]) -> Rows:
        """Rows with the base run's residual stream: at all positions, or at the first `n_held` alone."""
        batch, n_layers = self._batch, len(self._blocks)
        # After the last attention, and after the last block, only the query is looked at.
        late = layer == n_layers or (stage == MID and layer == n_layers - 1)
        begin, end = batch.query if late else first, batch.query + 1
        bounds = [(begin, end, False)]
        if begin < batch.prefix:
            bounds = [(begin, batch.prefix, True), (batch.prefix, end, False)]
        if stage == MID:
            stream = batch.base.middle(layer)
        else:
            stream = batch.base.final if layer == n_layers else batch.base.site("resid_pre", layer)
        parts = []
        for start, stop, shared in bounds:
            held = stop - start if n_held is None else min(n_held, stop - start) if start == begin else 0
            resid = batch.part(stream, shared, slice(start, start + held))
            parts.append(Part(start, stop, shared, resid[None].repeat(len(members), 1, 1, 1)))
        return Rows(first, torch.tensor(members, device=batch.index.device), tuple(parts))

    def _add_summands(self, layer: int, rows: Rows, part: Part) -> None:
        """What edges, z and pattern entries that are edited add to the residual stream after the attention."""
        block, into = self._blocks[layer], part.resid
        edited = [
            (site, cells)
            for site in ("edge", "pattern", "z")
            for cells in self._edits.at(layer, site, rows, part, joining=True)
        ]
        if not edited:
            return
        if block.norm_after is not None:
            into = self._base_sum(layer, part).repeat(len(part.resid), 1, 1, 1)
        for site, cells in edited:
            change = self._change_of_z(layer, site, cells, part)
            for head in torch.unique(cells.head).tolist():
                here = cells.head == head
                written = change[here] @ block.head_out[head]
                add_at(into, cells.variant[here], cells.query[here] - part.start, None, written)
        if block.norm_after is not None:
            part.resid.copy_(self._held(self._batch.base.site("resid_pre", layer), part) + block.norm_after(into))

    def _held(self, act: Tensor, part: Part) -> Tensor:
        """A base activation at the positions that a part holds."""
        return self._batch.part(act, part.shared, slice(part.start, part.start + part.resid.shape[2]))

    def _base_sum(self, layer: int, part: Part) -> Tensor:
        """What all heads together write in the base run, before the norm that follows, where a part holds positions."""
        z = self._held(self._batch.base.site("z", layer), part)
        return torch.unflatten(self._blocks[layer].summed(z.flatten(0, 1)), 0, z.shape[:2])[None]

    def _change_of_z(self, layer: int, site: str, cells: Cells, part: Part) -> Tensor:
        """By how much an edit changes its head's output at its query, for every cell and prompt."""
        block, base, prompts = self._blocks[layer], self._batch.base, self._batch.prompts(part.shared)
        value = self._edits.value(cells, part)
        if site == "z":
            return value - base.site("z", layer)[prompts][:, cells.query, cells.head].transpose(0, 1)
        kv_head = cells.head // (block.n_heads // block.n_kv_heads)
        values = base.past(layer)[1][prompts][:, cells.key, kv_head].transpose(0, 1)
        weight = base.site("pattern", layer)[prompts][:, cells.head, cells.query, cells.key].T[..., None]
        if site == "edge":
            return value - weight * values
        return ((value[..., None] if isinstance(value, Tensor) else value) - weight) * values

    def _replace(self, layer: int, stage: int, rows: Rows, part: Part) -> None:
        """The residual stream where the edits replace what a layer added to it, or all of it."""
        base, prompts = self._batch.base, self._batch.prompts(part.shared)
        for site, where in [("attn_out", layer), ("resid_mid", layer)] if stage == MID else [("mlp_out", layer - 1)]:
            for cells in self._edits.at(where, site, rows, part, joining=True):
                value = self._edits.value(cells, part)
                if site != "resid_mid":
                    before = base.site("resid_pre", where) if site == "attn_out" else base.middle(where)
                    value = before[prompts][:, cells.query].transpose(0, 1) + value
                part.resid[cells.variant, :, cells.query - part.start] = value
