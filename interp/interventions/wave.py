"""One sweep over the layers in which many variants run at once.

How it works. Variants join the sweep in the layer of their first edit, from the base run's activations, and stay in it to
the last layer; so every layer's weights meet all variants that need them in one matrix product. A variant holds the
residual stream at the positions that it can change and at no others: from its first edited one to the query. Its
attention reads the base run's keys before them (interp.interventions.attend). In the layer where a variant joins, what
its edits add to the residual stream is known without running the attention: for an edge cut from key to query it is
-w_qk v_k W_O, one vector at one position. Only in the next layer do later positions feel it. Positions in a prefix that
all prompts share are held once a variant and not once a prompt. In the last layer nothing but the query is computed.

Edits are index writes at their sites; every write is counted, so an edit that never ran is an error and no silent no-op.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.interventions.attend import Keys, attend, head_values
from interp.interventions.block import Block
from interp.interventions.cells import Bundle
from interp.interventions.plan import ATTENTION, MID, PRE, Cells, Planned, cells_by_site
from interp.interventions.rows import Part, Rows, flat, merged, unflat
from interp.interventions.runs import BlockRun

Replacement = Callable[[Bundle], Float[Tensor, "cell prompt *d"] | float]
"""What cells are replaced by, on every prompt of the batch."""


@dataclass(frozen=True)
class Batch:
    """What all variants of a sweep have in common: the base run, the rows of it that are asked for, the tensor index of
    the query, and how many leading positions the prompts share."""

    base: BlockRun
    index: Int[Tensor, " prompt"]
    query: int
    prefix: int

    def part(self, site: Tensor, shared: bool, positions: slice) -> Tensor:
        """Positions of a base activation `[prompt, pos, ...]`: of one prompt where all are the same."""
        return site[self.index[:1] if shared else self.index, positions]


class Wave:
    """One sweep; `run` gives the residual stream at the query after the last block, for every variant and prompt."""

    def __init__(
        self, blocks: Sequence[Block], batch: Batch, chunk: Sequence[Planned], replacement: Replacement
    ) -> None:
        self._blocks, self._batch, self._chunk, self._replacement = blocks, batch, chunk, replacement
        self._cells = cells_by_site(chunk, batch.prefix, batch.index.device)
        self._unwritten = sum(len(one.variant) for cells in self._cells.values() for one in cells)

    def run(self) -> Float[Tensor, "variant prompt d_model"]:
        """Raises RuntimeError when an edit was not applied."""
        starts = [one.start for one in self._chunk]
        rows: list[Rows] = []
        for layer in range(min(start.layer for start in starts), len(self._blocks)):
            rows += self._joined(layer, PRE)
            self._edit(layer, "resid_pre", rows)
            rows = self._attention(layer, rows + self._joined(layer, ATTENTION))
            rows += self._joined(layer, MID)
            rows = self._mlp(layer, rows)
        rows += self._joined(len(self._blocks), PRE)
        if self._unwritten:
            raise RuntimeError(f"{self._unwritten} edits were never applied: the sweep did not reach them")
        final = torch.cat([one.parts[-1].resid[:, :, -1] for one in rows])
        order = torch.cat([one.members for one in rows]).argsort()
        return final[order]

    # Attention -------------------------------------------------------------------------------------------------------

    def _attention(self, layer: int, rows: list[Rows]) -> list[Rows]:
        """The residual stream after the attention; all rows are whole then."""
        if not rows:
            return []
        block, last = self._blocks[layer], layer == len(self._blocks) - 1
        parts = [part.resid for one in rows for part in one.parts]
        made = [unflat(each, parts, 1) for each in block.qkv(flat(parts, 1))]
        zs, inputs, place = [], [], 0
        for one in rows:
            qkv = [kind[place : place + len(one.parts)] for kind in made]
            place += len(one.parts)
            zs += self._heads(layer, one, *qkv)
            inputs += [self._whole(part, layer, "resid_pre") for part in (one.parts[-1:] if last else one.parts)]
        inputs = [one[:, :, -1:] if last else one for one in inputs]
        added = unflat(block.out(flat(zs, 2)), zs, 2)
        found, place = [], 0
        for one in rows:
            kept = one.parts[-1:] if last else one.parts
            here = added[place : place + len(kept)]
            after = self._replaced_parts(one, kept, here)
            self._edit(layer, "attn_out", [after])
            sums = [part.resid.add_(inputs[place + number]) for number, part in enumerate(after.parts)]
            found.append(self._replaced_parts(after, after.parts, sums))
            place += len(kept)
        self._edit(layer, "resid_mid", found)
        return found

    def _replaced_parts(self, rows: Rows, parts: Sequence[Part], tensors: Sequence[Tensor]) -> Rows:
        """Rows with other tensors; a part that holds fewer positions than before begins later."""
        made = (
            replace(part, start=part.stop - one.shape[2], resid=one) for part, one in zip(parts, tensors, strict=True)
        )
        return replace(rows, parts=tuple(made))

    def _heads(self, layer: int, rows: Rows, q: list[Tensor], k: list[Tensor], v: list[Tensor]) -> list[Tensor]:
        """z of every part at every position (in the last layer, at the query alone)."""
        block, batch = self._blocks[layer], self._batch
        last = layer == len(self._blocks) - 1
        base_k, base_v = batch.base.past(layer)
        found: list[Tensor] = []
        prefix: Keys | None = None
        for number, part in enumerate(rows.parts):
            query, key, value = (
                self._filled(held[number], part, layer, site) for held, site in ((q, "q"), (k, "k"), (v, "v"))
            )
            query = self._write(rows, part, layer, "q", query)
            key, value = self._write(rows, part, layer, "k", key), self._write(rows, part, layer, "v", value)
            places = []
            if rows.first:
                before = slice(0, rows.first)
                keys = block.rotated(batch.part(base_k, part.shared, before), 0)
                places.append(Keys("pskd", keys, batch.part(base_v, part.shared, before), 0))
            if prefix is not None:
                places.append(prefix)
            places.append(Keys("vpskd", block.rotated(key, part.start), value, part.start))
            if part.shared:
                prefix = Keys("vskd", places[-1].keys[:, 0], places[-1].values[:, 0], part.start)
                if last:
                    continue
            begin = part.stop - 1 if last else part.start
            query = block.rotated(query[:, :, begin - part.start :], begin)
            pattern = attend(block, query, begin, places)
            for cells in rows.among(self._cells.get((layer, "pattern"), ()), part.shared, joining=False):
                pattern[cells.variant, :, cells.head, cells.query - begin, cells.key] = self._value(cells, part)
            z = head_values(pattern, places)
            for cells in rows.among(self._cells.get((layer, "z"), ()), part.shared, joining=False):
                z[cells.variant, :, cells.query - begin, cells.head] = self._value(cells, part)
            for cells in rows.among(self._cells.get((layer, "edge"), ()), part.shared, joining=False):
                weight = pattern[cells.variant, :, cells.head, cells.query - begin, cells.key]
                term = weight[..., None] * self._values_at(places, cells, block)
                _add(z, cells.variant, cells.query - begin, cells.head, self._value(cells, part) - term)
            found.append(z)
        return found

    def _values_at(self, places: list[Keys], cells: Cells, block: Block) -> Float[Tensor, "cell prompt d_head"]:
        """v at the keys of edges, wherever they stand."""
        kv_head = cells.head // (block.n_heads // block.n_kv_heads)
        found: Tensor | None = None
        for one in places:
            offset = (cells.key - one.first).clamp(0, one.size - 1)
            if one.axes == "pskd":
                here = one.values[:, offset, kv_head].transpose(0, 1)
            elif one.axes == "vskd":
                here = one.values[cells.variant, offset, kv_head][:, None]
            else:
                here = one.values[cells.variant, :, offset, kv_head]
            found = here if found is None else torch.where((cells.key >= one.first)[:, None, None], here, found)
        assert found is not None
        return found

    def _filled(self, held: Tensor, part: Part, layer: int, site: str) -> Tensor:
        """Queries, keys or values at all positions of a part: those that are held, and the base run's."""
        n_held, size = held.shape[2], part.stop - part.start
        if n_held == size:
            return held
        rest = self._batch.part(self._batch.base.site(site, layer), part.shared, slice(part.start + n_held, part.stop))
        rest = rest.expand(len(held), *rest.shape)
        return torch.cat([held, rest], dim=2) if n_held else rest

    def _whole(self, part: Part, layer: int, site: str) -> Tensor:
        return self._filled(part.resid, part, layer, site)

    # MLP -------------------------------------------------------------------------------------------------------------

    def _mlp(self, layer: int, rows: list[Rows]) -> list[Rows]:
        """The residual stream after the block."""
        if not rows:
            return []
        block = self._blocks[layer]
        whole, narrow = [one for one in rows if one.whole], [one for one in rows if not one.whole]
        rows = merged(whole) + merged(narrow)
        if block.attn_only:
            return rows
        parts = [part.resid for one in rows for part in one.parts]
        stream = flat(parts, 1)
        added = unflat(block.mlp(stream), parts, 1)
        before, place = unflat(stream, parts, 1), 0
        found = []
        for one in rows:
            after = self._replaced_parts_held(one, added[place : place + len(one.parts)])
            self._edit(layer, "mlp_out", [after])
            sums = [part.resid.add_(before[place + number]) for number, part in enumerate(after.parts)]
            found.append(self._replaced_parts_held(after, sums))
            place += len(one.parts)
        return found

    def _replaced_parts_held(self, rows: Rows, tensors: Sequence[Tensor]) -> Rows:
        """Rows with other tensors at the same positions."""
        return replace(
            rows, parts=tuple(replace(part, resid=one) for part, one in zip(rows.parts, tensors, strict=True))
        )

    # Joining ---------------------------------------------------------------------------------------------------------

    def _joined(self, layer: int, stage: int) -> list[Rows]:
        """The variants that join here, with the base run's residual stream and what their edits change of it."""
        groups: dict[tuple[int, bool], list[int]] = {}
        for number, one in enumerate(self._chunk):
            start = one.start
            if (start.layer, start.stage) == (layer, stage):
                groups.setdefault((start.first, start.narrow or stage == ATTENTION), []).append(number)
        found = []
        for (first, narrow), members in groups.items():
            n_held = 0 if stage == ATTENTION else 1 if narrow else None
            rows = self._from_base(layer, stage, first, n_held, members)
            if stage == MID:
                self._add_summands(layer, rows)
            for part in rows.parts if stage != ATTENTION else ():
                self._replace_joining(layer, stage, rows, part)
            found.append(rows)
        return found

    def _from_base(self, layer: int, stage: int, first: int, n_held: int | None, members: list[int]) -> Rows:
        """Rows with the base run's residual stream: at all positions, or at the first `n_held` alone."""
        batch, n_layers = self._batch, len(self._blocks)
        # After the last attention, and after the last block, only the query is looked at.
        late = layer == n_layers or (stage == MID and layer == n_layers - 1)
        end = batch.query + 1
        begin = batch.query if late else first
        bounds = (
            [(begin, batch.prefix, True), (batch.prefix, end, False)] if begin < batch.prefix else [(begin, end, False)]
        )
        if stage == MID:
            site = batch.base.middle(layer)
        else:
            site = batch.base.final if layer == n_layers else batch.base.site("resid_pre", layer)
        parts = []
        for start, stop, shared in bounds:
            held = stop - start if n_held is None else min(n_held, stop - start) if start == begin else 0
            resid = batch.part(site, shared, slice(start, start + held))
            parts.append(Part(start, stop, shared, resid[None].repeat(len(members), 1, 1, 1)))
        return Rows(first, torch.tensor(members, device=batch.index.device), tuple(parts))

    def _add_summands(self, layer: int, rows: Rows) -> None:
        """What edges, z and pattern entries that are edited add to the residual stream after the attention."""
        block, base = self._blocks[layer], self._batch.base
        for part in rows.parts:
            for site in ("edge", "pattern", "z"):
                for cells in rows.among(self._cells.get((layer, site), ()), part.shared, joining=True):
                    value = self._value(cells, part)
                    heads, queries = cells.head, cells.query
                    prompts = self._batch.index[:1] if part.shared else self._batch.index
                    if site == "z":
                        change = value - base.site("z", layer)[prompts][:, queries, heads].transpose(0, 1)
                    else:
                        kv_head = heads // (block.n_heads // block.n_kv_heads)
                        values = base.past(layer)[1][prompts][:, cells.key, kv_head].transpose(0, 1)
                        weight = base.site("pattern", layer)[prompts][:, heads, queries, cells.key].T[..., None]
                        if site == "edge":
                            change = value - weight * values
                        else:
                            new = value if isinstance(value, float) else value[..., None]
                            change = (new - weight) * values
                    for head in torch.unique(heads).tolist():
                        here = heads == head
                        written = change[here] @ block.head_out[head]
                        _add(part.resid, cells.variant[here], queries[here] - part.start, None, written)

    def _replace_joining(self, layer: int, stage: int, rows: Rows, part: Part) -> None:
        """The residual stream where the edits that make variants join replace what was added to it, or all of it."""
        sites = [("attn_out", layer), ("resid_mid", layer)] if stage == MID else [("mlp_out", layer - 1)]
        for site, where in sites:
            for cells in rows.among(self._cells.get((where, site), ()), part.shared, joining=True):
                value = self._value(cells, part)
                if site != "resid_mid":
                    base = self._batch.base
                    before = base.site("resid_pre", where) if site == "attn_out" else base.middle(where)
                    prompts = self._batch.index[:1] if part.shared else self._batch.index
                    value = before[prompts][:, cells.query].transpose(0, 1) + value
                part.resid[cells.variant, :, cells.query - part.start] = value

    # Edits of variants that are in the sweep ---------------------------------------------------------------------------

    def _edit(self, layer: int, site: str, rows: list[Rows]) -> None:
        """Replace the residual stream, or what is being added to it."""
        cells_here = self._cells.get((layer, site), ())
        for one in rows if cells_here else ():
            for part in one.parts:
                for cells in one.among(cells_here, part.shared, joining=False):
                    part.resid[cells.variant, :, cells.query - part.start] = self._value(cells, part)

    def _write(self, rows: Rows, part: Part, layer: int, site: str, act: Tensor) -> Tensor:
        """Queries, keys or values with the edits of that site."""
        found = rows.among(self._cells.get((layer, site), ()), part.shared, joining=False)
        if not found:
            return act
        act = act.clone()
        for cells in found:
            position = (cells.query if site == "q" else cells.key) - part.start
            act[cells.variant, :, position, cells.head] = self._value(cells, part)
        return act

    def _value(self, cells: Cells, part: Part) -> Tensor | float:
        """What replaces the cells; they count as written."""
        self._unwritten -= len(cells.variant)
        value = self._replacement(cells)
        return value[:, :1] if part.shared and isinstance(value, Tensor) else value


def _add(
    target: Tensor, variant: Tensor, position: Tensor, head: Tensor | None, change: Float[Tensor, "cell prompt *d"]
) -> None:
    """Add to [variant, prompt, position(, head)]; several cells may meet in one place."""
    everyone = torch.arange(target.shape[1], device=target.device)[None]
    places = (variant[:, None], everyone, position[:, None], *([] if head is None else [head[:, None]]))
    target.index_put_(places, change.expand(len(variant), target.shape[1], *change.shape[2:]), accumulate=True)
