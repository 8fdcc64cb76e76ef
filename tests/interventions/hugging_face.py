"""Heads and attention edges replaced in a Hugging Face model by plain hooks: what the engine must equal on every family."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from interp.interventions.edits import Edit
from interp.models.families.record import Family
from interp.prompts.pairs import PromptSet


class Plain:
    """A Hugging Face model, and its activations on the prompts of a set."""

    def __init__(self, model: Any, family: Family, prompts: PromptSet) -> None:
        self._model, self._prompts = model, prompts
        self._anatomy = family.anatomy(model.config)
        parts = family.parts_of(model.config)
        inside = parts.layers.split(".", 1)
        layers = getattr(model, inside[0])
        for name in inside[1].split("."):
            layers = getattr(layers, name)
        self._outs = [layer.get_submodule(parts.out) for layer in layers]
        self._qkvs = [[layer.get_submodule(name) for name in parts.qkv] for layer in layers]
        self._by_group = parts.fused == "by group"
        self.runs = {run: self._run(getattr(prompts, run)) for run in ("clean", "corrupted")}

    def _heads(self, act: Tensor) -> Tensor:
        return act.unflatten(-1, (-1, self._anatomy.d_head))

    @torch.no_grad()
    def _run(self, tokens: Tensor) -> list[dict[str, Tensor]]:
        """z, v and attention weights of every layer."""
        found: list[dict[str, Tensor]] = [{} for _ in self._outs]
        handles = []
        for layer, (out, qkv) in enumerate(zip(self._outs, self._qkvs, strict=True)):

            def keep_z(_: Any, given: Any, layer: int = layer) -> None:
                found[layer]["z"] = self._heads(given[0])

            def keep_v(_: Any, __: Any, made: Tensor, layer: int = layer, n: int = len(qkv)) -> None:
                heads = self._heads(made)
                if n == 1:  # a fused matrix
                    n_kv_heads = self._anatomy.n_kv_heads
                    # Each key-value head's queries, key and value together, or all values last.
                    grouped = heads.unflatten(2, (n_kv_heads, -1))[:, :, :, -1] if self._by_group else None
                    heads = heads[:, :, -n_kv_heads:] if grouped is None else grouped
                found[layer]["v"] = heads

            handles += [out.register_forward_pre_hook(keep_z), qkv[-1].register_forward_hook(keep_v)]
        patterns = self._model(tokens, output_attentions=True).attentions
        for handle in handles:
            handle.remove()
        for one, pattern in zip(found, patterns, strict=True):
            one["pattern"] = pattern
        return found

    def pattern(self, run: str, layer: int) -> Tensor:
        """Attention weights [prompt, head, query, key]."""
        return self.runs[run][layer]["pattern"]

    def _term(self, run: str, edit: Edit) -> Tensor:
        """w_qk v_k of an edge, or z of a head at a query."""
        acts, (query, key) = self.runs[run][edit.layer], (self._place(edit.query), self._place(edit.key or 1))
        if edit.site == "z":
            return acts["z"][:, query, edit.head]
        kv_head = edit.head // (self._anatomy.n_heads // self._anatomy.n_kv_heads)
        return acts["pattern"][:, edit.head, query, key, None] * acts["v"][:, key, kv_head]

    def _place(self, position: Any) -> int:
        return position - 1 + self._prompts.bos

    @torch.no_grad()
    def logit_diff(self, edit: Edit, base: str) -> Tensor:
        """Answer minus foil when one head's z, or one edge, is replaced by zero or by its value in the other run."""
        new = 0.0 if edit.source == "zero" else self._term(edit.source, edit)
        change = new - self._term(base, edit)

        def write(_: Any, given: Any) -> Any:
            z = self._heads(given[0]).clone()
            z[:, self._place(edit.query), edit.head] += change
            return (z.flatten(2), *given[1:])

        handle = self._outs[edit.layer].register_forward_pre_hook(write)
        logits = self._model(getattr(self._prompts, base)).logits[:, self._prompts.query_index].float()
        handle.remove()
        rows = torch.arange(len(self._prompts))
        return logits[rows, self._prompts.answer] - logits[rows, self._prompts.foil]
