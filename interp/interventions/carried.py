"""Which heads carry an edge of the residual graph: from one (token, layer) to another, with attention patterns frozen.

With every attention pattern and every norm's scale as the clean run has them, and MLPs adding nothing, a block is linear in
the residual stream: x -> x + sum_h a_h P_h x W_V W_O, with a_h = 1. What is put in at one token and layer (a *message*)
comes out at another along roads of any number of heads, and along the stream itself where both are one token (*bypass*):
the linear walks of Elhage et al. (2021), and the edges between nodes of attribution graphs (Ameisen et al. 2025).

To say what each head has of that, scale all heads by one a between 0 and 1 and add up what each of them gains on the way:

    share_h = integral over a of d out / d a_h          sum_h share_h = out(a = 1) - out(a = 0) = whole - bypass

(Aumann & Shapley 1974: a road of n heads gives each of them 1/n of what it brings.) `out` is a polynomial in a, of a degree
no larger than the number of blocks, so Gauss-Legendre nodes give the integral exactly. The slope at a = 0 is the part of
roads with a single head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.interventions.engine import Engine
from interp.interventions.hooked import run_between, run_blocks
from interp.metrics import Metric
from interp.prompts.pairs import PromptSet


@dataclass(frozen=True)
class Carried:
    """What messages do to the target, in metric units: by head, by roads with one head alone, and by message.

    heads, summed over layers and heads, and bypass, summed over messages, make the sum of whole.
    """

    heads: Float[Tensor, "row layer head"]
    single: Float[Tensor, "row layer head"]
    bypass: Float[Tensor, "row message"]
    whole: Float[Tensor, "row message"]


class Frozen:
    """The clean run of some prompts with its patterns and scales, as a linear map of what is put into the residual stream.

    Args:
        rows: prompts of the set, as tensor indices.
        to: tensor index of the target token.
        end: the target is the residual stream before block `end`, read along the metric's gradient there; n_layers: the
            output.
    """

    def __init__(
        self, engine: Engine, prompts: PromptSet, metric: Metric, rows: Int[Tensor, " row"], to: int, end: int
    ) -> None:
        self._model, self._end, self._to = engine.model, end, to
        self._n_layers = engine.sizes.n_layers
        clean = engine.runs(prompts)["clean"]
        self._patterns = [clean.site("pattern", layer)[rows] for layer in range(end)]
        self._scales = self._norm_scales(clean.site("resid_pre", 0)[rows])
        self._n_heads = engine.sizes.n_heads
        start = clean.final[rows] if end == self._n_layers else clean.site("resid_pre", end)[rows]
        leaf = start.detach().clone().requires_grad_()
        with torch.enable_grad():
            final = run_blocks(self._model, leaf, end, dict.fromkeys(range(self._n_layers)))
            total = metric(engine.readout(prompts, final[:, prompts.query_index], rows)).sum()
            self.gradient: Float[Tensor, "row d_model"] = torch.autograd.grad(total, leaf)[0][:, to]

    def carried(self, messages: Mapping[int, Float[Tensor, "row pos d_model"]]) -> Carried:
        """What becomes of messages, by the block before which each is added to the residual stream.

        All are sent in one run, for what comes of each adds up; the gradient at its own layer tells them apart.
        """
        nodes, weights = np.polynomial.legendre.leggauss(max(1, -(-(self._end - min(messages)) // 2)))
        n_rows = len(self.gradient)
        heads = torch.zeros(n_rows, self._n_layers, self._n_heads)
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            heads += float(weight) * self._slopes(messages, float(node))
        bypass = torch.stack([self._along(message) for message in messages.values()], dim=1)
        return Carried(heads, self._slopes(messages, 0.0), bypass.float().cpu(), self._whole(messages))

    def _along(self, stream: Float[Tensor, "row pos d_model"]) -> Float[Tensor, " row"]:
        """A difference at the target token, along the metric's gradient there."""
        return (stream[:, self._to] * self.gradient).sum(-1)

    def _whole(self, messages: Mapping[int, Float[Tensor, "row pos d_model"]]) -> Float[Tensor, "row message"]:
        leaves = {begin: message.detach().clone().requires_grad_() for begin, message in messages.items()}
        with torch.enable_grad():
            slopes = torch.autograd.grad(self._along(self._run(leaves, None)).sum(), list(leaves.values()))
        parts = [(slope * message).sum((1, 2)) for slope, message in zip(slopes, messages.values(), strict=True)]
        return torch.stack(parts, dim=1).float().cpu()

    def _slopes(
        self, messages: Mapping[int, Float[Tensor, "row pos d_model"]], at: float
    ) -> Float[Tensor, "row layer head"]:
        """d out / d a_h of every head, with all heads scaled by `at`."""
        shape = (len(self.gradient), self._n_layers, self._n_heads)
        gains = torch.full(shape, at, dtype=self.gradient.dtype, device=self.gradient.device, requires_grad=True)
        with torch.enable_grad():
            out = self._along(self._run(messages, gains)).sum()
            slopes: Tensor = torch.autograd.grad(out, gains)[0]
        return slopes.detach().float().cpu()

    def _run(
        self, messages: Mapping[int, Float[Tensor, "row pos d_model"]], gains: Tensor | None
    ) -> Float[Tensor, "row pos d_model"]:
        """The messages at the target's layer: the linear blocks on them, less the same on nothing, for biases are no message."""
        begin = min(messages)

        def hooked(name: str, act: Tensor, hook: Any) -> Tensor:
            layer = int(hook.name.split(".")[1])
            if name == "pattern":
                return torch.cat([self._patterns[layer]] * 2)
            if name == "scale":
                return torch.cat([self._scales[hook.name]] * 2)
            if name == "mlp":
                return torch.zeros_like(act)
            return act if gains is None else act * torch.cat([gains[:, layer]] * 2)[:, None, :, None]

        hooks: list[Any] = [(name, lambda act, hook: hooked("scale", act, hook)) for name in self._scales]
        for layer in range(begin, self._end):
            for name, what in (("attn.hook_pattern", "pattern"), ("attn.hook_z", "z"), ("hook_mlp_out", "mlp")):
                if name != "hook_mlp_out" or not self._model.cfg.attn_only:
                    hooks.append((f"blocks.{layer}.{name}", lambda act, hook, what=what: hooked(what, act, hook)))
        stream = torch.zeros_like(torch.cat([messages[begin]] * 2))
        added = {
            layer: torch.cat([message, torch.zeros_like(message)])
            for layer, message in messages.items()
            if layer < self._end
        }
        with self._model.hooks(fwd_hooks=hooks):
            stream = run_between(self._model, stream, begin, self._end, added)
        with_message, without = stream.chunk(2)
        return with_message - without

    def _norm_scales(self, start: Float[Tensor, "row pos d_model"]) -> dict[str, Tensor]:
        """What the clean run divides by in every norm around its attention."""
        scales: dict[str, Tensor] = {}

        def keep(act: Tensor, hook: Any) -> None:
            scales[hook.name] = act.detach().clone()

        def wanted(name: str) -> bool:
            parts = name.split(".")
            return parts[0] == "blocks" and parts[2].startswith("ln1") and parts[-1] == "hook_scale"

        with torch.no_grad(), self._model.hooks(fwd_hooks=[(wanted, keep)]):
            run_blocks(self._model, start, 0, dict.fromkeys(range(self._n_layers)))
        return scales
