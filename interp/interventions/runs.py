"""Activations of the clean and the corrupted run of a prompt set, by site and layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.configs.literals import check_literal
from interp.errors import UserError
from interp.interventions.attend import Keys, attend, head_values
from interp.interventions.block import Block
from interp.interventions.edits import Run
from interp.interventions.precision import wide
from interp.prompts.pairs import PromptSet

HOOKS = {
    "resid_pre": "blocks.{}.hook_resid_pre",
    "resid_mid": "blocks.{}.hook_resid_mid",
    "attn_out": "blocks.{}.hook_attn_out",
    "mlp_out": "blocks.{}.hook_mlp_out",
    "z": "blocks.{}.attn.hook_z",
    "q": "blocks.{}.attn.hook_q",
    "k": "blocks.{}.attn.hook_k",
    "v": "blocks.{}.attn.hook_v",
    "pattern": "blocks.{}.attn.hook_pattern",
}
"""Site -> TransformerLens hook name (one `{}` for the layer)."""


@runtime_checkable
class BaseRun(Protocol):
    """One unedited run of a prompt batch; `final` is the residual stream after the last block."""

    final: Float[Tensor, "prompt pos d_model"]

    def site(self, site: str, layer: int) -> Tensor:
        """The activation at a site, in TransformerLens' shape (`[prompt, pos, ...]`; pattern `[prompt, head, q, k]`)."""

    def past(self, layer: int) -> tuple[Tensor, Tensor]:
        """Keys and values `[prompt, pos, kv_head, d_head]`, positions not yet applied."""


def no_site(site: str, layer: int) -> UserError:
    """What is said of a site that a model does not have."""
    return UserError(f"site {site!r} does not exist in this model: it has no hook {HOOKS[site].format(layer)}")


class BlockRun:
    """Unedited runs through `Block`s. What the blocks add is computed when it is asked for, the rest is kept.

    Args:
        rows: prompts that are run at once.
    """

    def __init__(self, model: Any, blocks: Sequence[Block], tokens: Int[Tensor, "prompt pos"], rows: int) -> None:
        self._blocks = blocks
        self._kept: list[dict[str, Tensor]] = [{} for _ in blocks]
        self._made: dict[tuple[str, int], Tensor] = {}
        with torch.no_grad():
            resid = wide(model.input_to_embed(tokens.to(model.cfg.device))[0])
            self.final: Float[Tensor, "prompt pos d_model"] = resid
            for first in range(0, len(resid), rows):
                self.final = self._run(resid, slice(first, first + rows))

    def of(self, rows: slice) -> BlockRun:
        """The run of some of the prompts; nothing is copied."""
        part = copy(self)
        part.final, part._made = self.final[rows], {}
        part._kept = [{name: act[rows] for name, act in kept.items()} for kept in self._kept]
        return part

    def _run(self, embedded: Float[Tensor, "prompt pos d_model"], rows: slice) -> Tensor:
        """Run some of the prompts, keep what they make, and give the final residual stream of all that have run."""
        resid = embedded[rows]
        shape = resid.shape[:2]
        for layer, block in enumerate(self._blocks):
            q, k, v = (torch.unflatten(made, 0, shape) for made in block.qkv(resid.flatten(0, 1)))
            keys = Keys("pskd", block.key(k, 0), v, 0)
            pattern = attend(block, block.query(q, 0)[None], 0, [keys])
            z = head_values(pattern, [keys])[0]
            mid = resid + block.out(z.flatten(0, 1)).view_as(resid)
            made = {"resid_pre": resid, "q": q, "k": k, "v": v, "pattern": pattern[0], "z": z, "resid_mid": mid}
            if not block.attn_only:
                # Of a sequential block what the MLP adds is made again when it is asked for.
                written = block.mlp((resid if block.parallel else mid).flatten(0, 1)).view_as(mid)
                made |= {"mlp_out": written} if block.parallel else {}
            for name, act in made.items():
                self._kept[layer][name] = _filled(self._kept[layer].get(name), act, rows, len(embedded))
            resid = mid if block.attn_only else mid + written
        return _filled(self.final if rows.start else None, resid, rows, len(embedded))

    def site(self, site: str, layer: int) -> Tensor:
        """As BaseRun.site; UserError for a site that the model does not have."""
        block, kept = self._blocks[layer], self._kept[layer]
        if block.attn_only and site in ("resid_mid", "mlp_out"):
            raise no_site(site, layer)
        if block.parallel and site == "resid_mid":
            raise no_site(site, layer)
        if site in kept:
            return kept[site]
        if (site, layer) not in self._made:
            self._made.clear()  # asked for layer by layer
            added = (
                block.out(kept["z"].flatten(0, 1)) if site == "attn_out" else block.mlp(kept["resid_mid"].flatten(0, 1))
            )
            self._made[site, layer] = added.view_as(kept["resid_mid"])
        return self._made[site, layer]

    def middle(self, layer: int) -> Float[Tensor, "prompt pos d_model"]:
        """The residual stream after a layer's attention, also where no MLP follows."""
        return self._kept[layer]["resid_mid"]

    def past(self, layer: int) -> tuple[Tensor, Tensor]:
        """As BaseRun.past."""
        return self._kept[layer]["k"], self._kept[layer]["v"]


def _filled(whole: Tensor | None, part: Tensor, rows: slice, n_rows: int) -> Tensor:
    """An array of `n_rows` rows with a part written into it: joining the parts in the end would hold everything twice."""
    if len(part) == n_rows:
        return part
    if whole is None:
        whole = part.new_empty(n_rows, *part.shape[1:])
    whole[rows] = part
    return whole


class Runs:
    """Both runs of a prompt set, made when first asked for.

    Args:
        make: the runs of the clean and of the corrupted tokens. Few prompts are read off the weights faster together.
    """

    def __init__(self, prompts: PromptSet, make: Callable[[list[Tensor]], list[Any]]) -> None:
        self._prompts = prompts
        self._make = make
        self._runs: dict[Run, Any] = {}

    def __getitem__(self, run: Run) -> Any:
        check_literal(run, Run, "run")
        if not self._runs:
            made = self._make([self._prompts.clean, self._prompts.corrupted])
            self._runs = {"clean": made[0], "corrupted": made[1]}
        return self._runs[run]


def block_runs(model: Any, blocks: Sequence[Block], rows: int, tokens: list[Tensor]) -> list[BlockRun]:
    """The runs of several batches of equal length, in one pass."""
    everything = BlockRun(model, blocks, torch.cat(tokens), rows)
    ends = torch.tensor([0, *(len(batch) for batch in tokens)]).cumsum(0).tolist()
    return [everything.of(slice(*places)) for places in pairwise(ends)]
