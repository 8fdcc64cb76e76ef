"""One sweep over the layers in which many variants run at once.

How it works. Variants join the sweep in the layer of their first edit, from the base run's activations, and stay in it to
the last layer; so every layer's weights meet all variants that need them in one matrix product. Those that
begin alike are one until they differ (interp.interventions.branching). A variant holds the
residual stream at the positions that it can change and at no others: from its first edited one to the query. Its
attention reads the base run's keys before them (interp.interventions.attend). In the layer where a variant joins, what
its edits add to the residual stream is known without running the attention: for an edge cut from key to query it is
-w_qk v_k W_O, one vector at one position. Only in the next layer do later positions feel it. Positions in a prefix that
all prompts share are held once a variant and not once a prompt. In the last layer nothing but the query is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from interp.interventions.block import Block
from interp.interventions.branching import copied
from interp.interventions.heads import gathered
from interp.interventions.joining import Joining
from interp.interventions.pieces import ATTENTION, MID, PRE
from interp.interventions.plan import Planned
from interp.interventions.rows import Part, Rows, flat, merged, unflat
from interp.interventions.writing import Batch, Edits, Replacement


class Wave:
    """One sweep; `run` gives the residual stream at the query after the last block, for every variant and prompt."""

    def __init__(
        self, blocks: Sequence[Block], batch: Batch, chunk: Sequence[Planned], replacement: Replacement
    ) -> None:
        self._blocks, self._batch, self._chunk = blocks, batch, chunk
        self._edits = Edits(chunk, batch.prefix, replacement, batch.index.device)
        self._joining = Joining(blocks, batch, chunk, self._edits)
        self._first = min(variant.start.layer for variant in chunk)

    def run(self) -> Float[Tensor, "variant prompt d_model"]:
        """Raises RuntimeError when an edit was not applied."""
        rows: list[Rows] = []
        for layer in range(self._first, len(self._blocks)):
            rows += self._joining.rows(layer, PRE)
            rows += copied(layer, self._chunk, rows)
            self._edits.write_stream(layer, "resid_pre", rows)
            rows = self._attention(layer, rows + self._joining.rows(layer, ATTENTION))
            joined = self._joining.rows(layer, MID)
            if self._blocks[layer].parallel:
                rows = _merged([*rows, *(self._as_base_mlp(layer, group) for group in joined)])
            else:
                rows = self._mlp(layer, rows + joined)
        rows += self._joining.rows(len(self._blocks), PRE)
        self._edits.check()
        final = torch.cat([group.parts[-1].resid[:, :, -1] for group in rows])
        return final[torch.cat([group.members for group in rows]).argsort()]

    def _attention(self, layer: int, rows: list[Rows]) -> list[Rows]:
        """The residual stream after the attention; all rows are whole then."""
        if not rows:
            return []
        block, last = self._blocks[layer], layer == len(self._blocks) - 1
        held = [part.resid for group in rows for part in group.parts]
        queries, keys, values = (iter(unflat(each, held, 1)) for each in block.qkv(flat(held, 1)))
        zs: list[Tensor] = []
        for group in rows:
            mine = tuple([next(of) for _ in group.parts] for of in (queries, keys, values))
            zs += gathered(block, layer, self._batch, self._edits, group, mine, last)  # type: ignore[arg-type]
        added = iter(unflat(block.out(flat(zs, 2)), zs, 2))
        beside = self._parallel_mlp(layer, rows, last) if block.parallel else None
        before = self._batch.base.site("resid_pre", layer)
        streams = []
        for group in rows:
            parts = group.parts[-1:] if last else group.parts
            after = _with(group, parts, [next(added) for _ in parts])
            self._edits.write_stream(layer, "attn_out", [after])
            for part, new in zip(parts, after.parts, strict=True):
                stream = self._batch.filled(part.resid, part, before)
                new.resid.add_(stream[:, :, -1:] if last else stream)
            streams.append(after if beside is None else self._with_mlp(layer, after, [next(beside) for _ in parts]))
        self._edits.write_stream(layer, "resid_mid", streams)
        return streams

    def _parallel_mlp(self, layer: int, rows: list[Rows], last: bool) -> Iterator[Tensor]:
        """What a parallel block's MLP adds, from the stream before the attention: where it differs from the base run's."""
        parts = [part for group in rows for part in (group.parts[-1:] if last else group.parts)]
        if last:  # of the query alone, where that is held
            parts = [
                replace(part, start=part.stop - 1, resid=part.resid[:, :, -1:] if part.whole else part.resid[:, :, :0])
                for part in parts
            ]
        held = [part.resid for part in parts]
        made = unflat(self._blocks[layer].mlp(flat(held, 1)), held, 1)
        base = self._batch.base.site("mlp_out", layer)
        for new, part in zip(made, parts, strict=True):
            filled = self._batch.filled(new, part, base)
            yield filled if new.shape[2] else filled.clone()  # edits are written into it

    def _with_mlp(self, layer: int, rows: Rows, added: Sequence[Tensor]) -> Rows:
        """Rows after a parallel block: what its MLP adds, edits included, on top of what the attention added."""
        made = replace(rows, parts=tuple(replace(part, resid=new) for part, new in zip(rows.parts, added, strict=True)))
        self._edits.write_stream(layer, "mlp_out", [made])
        for part, new in zip(rows.parts, made.parts, strict=True):
            part.resid.add_(new.resid)
        return rows

    def _as_base_mlp(self, layer: int, rows: Rows) -> Rows:
        """Rows that join after a parallel block's attention, whose MLP therefore adds what it adds in the base run."""
        base = self._batch.base.site("mlp_out", layer)
        added = []
        for part in rows.parts:
            here = self._batch.part(base, part.shared, slice(part.start, part.start + part.resid.shape[2]))
            added.append(here[None].repeat(len(rows.members), 1, 1, 1))
        return self._with_mlp(layer, rows, added)

    def _mlp(self, layer: int, rows: list[Rows]) -> list[Rows]:
        """The residual stream after the block."""
        block = self._blocks[layer]
        rows = _merged(rows)
        if block.attn_only or not rows:
            return rows
        held = [part.resid for group in rows for part in group.parts]
        stream = flat(held, 1)
        added, before = (iter(unflat(each, held, 1)) for each in (block.mlp(stream), stream))
        streams = []
        for group in rows:
            made = zip(group.parts, added, strict=False)
            after = replace(group, parts=tuple(replace(part, resid=new) for part, new in made))
            self._edits.write_stream(layer, "mlp_out", [after])
            for part in after.parts:
                part.resid.add_(next(before))
            streams.append(after)
        return streams


def _merged(rows: Sequence[Rows]) -> list[Rows]:
    """Whole rows with the same first position as one, and likewise those that are not."""
    return merged([group for group in rows if group.whole]) + merged([group for group in rows if not group.whole])


def _with(rows: Rows, parts: Sequence[Part], tensors: Sequence[Tensor]) -> Rows:
    """Rows with other tensors; a part that holds fewer positions than before begins later."""
    made = (replace(part, start=part.stop - new.shape[2], resid=new) for part, new in zip(parts, tensors, strict=True))
    return replace(rows, parts=tuple(made))
