"""What rivals on Hugging Face models share: where things are, and the values that the cells write.

nnsight and pyvene both write into the input of the attention's output projection (z, one slice a head) or into a block's
input (the residual stream). What is written comes from one clean run, taken with plain hooks: cheaper than through
either library, so no rival pays for it. An edge's cut is z without its term w_qk v_k: nothing before the edit changes,
so that, too, is known from the clean run.
"""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor

from benchmarks.workloads import Cell, Sweep


def is_gpt2(hf: Any) -> bool:
    """GPT-2's module names; Llama's otherwise."""
    return bool(hf.config.model_type == "gpt2")


def block(model: Any, layer: int, gpt2: bool) -> Any:
    """A block of a Hugging Face model, or of a wrapper that mirrors its modules."""
    return model.transformer.h[layer] if gpt2 else model.model.layers[layer]


def attention(model: Any, layer: int, gpt2: bool) -> Any:
    """The attention of a block."""
    return block(model, layer, gpt2).attn if gpt2 else block(model, layer, gpt2).self_attn


def output_projection(model: Any, layer: int, gpt2: bool) -> Any:
    """The module whose input is z, heads side by side."""
    return attention(model, layer, gpt2).c_proj if gpt2 else attention(model, layer, gpt2).o_proj


class CleanRun:
    """The clean run's z and residual stream, and for edges its attention weights and values."""

    def __init__(self, hf: Any, tokens: Tensor, sweep: Sweep) -> None:
        config, gpt2 = hf.config, is_gpt2(hf)
        self._n_heads = config.num_attention_heads
        self._n_kv = getattr(config, "num_key_value_heads", None) or self._n_heads
        kept: dict[tuple[str, int], Tensor] = {}
        handles = []
        for layer in range(config.num_hidden_layers):
            places = {
                "resid_pre": (block(hf, layer, gpt2), True),
                "z": (output_projection(hf, layer, gpt2), True),
                "v": (attention(hf, layer, gpt2).c_attn if gpt2 else attention(hf, layer, gpt2).v_proj, False),
                "attention": (attention(hf, layer, gpt2), False),
            }
            for name, (module, of_input) in places.items():
                handles.append(_keep(module, of_input, kept, (name, layer)))
        edges = sweep == "edges"
        chosen = config._attn_implementation
        if edges:
            hf.set_attn_implementation("eager")  # the only one that returns its weights
        try:
            hf(tokens, use_cache=False, logits_to_keep=1)
        finally:
            hf.set_attn_implementation(chosen)
            for handle in handles:
                handle.remove()
        self._kept, self._gpt2 = kept, gpt2

    def z(self, layer: int) -> Float[Tensor, "prompt pos head d_head"]:
        """Head outputs before the output projection."""
        z = self._kept["z", layer]
        return z.view(*z.shape[:2], self._n_heads, -1)

    def resid_pre(self, layer: int) -> Float[Tensor, "prompt pos d_model"]:
        """The input of a block."""
        return self._kept["resid_pre", layer]

    def value(self, cell: Cell) -> Tensor:
        """What a cell writes: `[prompt, pos, d_head]` for whole heads, otherwise the vector `[prompt, d]`."""
        if cell.head is None:
            return self.resid_pre(cell.layer)[:, cell.query]
        z = self.z(cell.layer)[:, :, cell.head]
        if cell.query is None:
            return z
        if cell.key is None:
            return z[:, cell.query]
        weight = self._kept["attention", cell.layer][:, cell.head, cell.query, cell.key]
        return z[:, cell.query] - weight[:, None] * self._v(cell.layer)[:, cell.key, self._kv_head(cell.head)]

    def _v(self, layer: int) -> Float[Tensor, "prompt pos kv_head d_head"]:
        v = self._kept["v", layer]
        v = v.chunk(3, dim=-1)[2] if self._gpt2 else v
        return v.reshape(*v.shape[:2], self._n_kv, -1)

    def _kv_head(self, head: int) -> int:
        return head // (self._n_heads // self._n_kv)


def _keep(module: Any, of_input: bool, kept: dict[tuple[str, int], Tensor], key: tuple[str, int]) -> Any:
    def before(module: Any, args: Any) -> None:
        kept[key] = args[0].clone()

    def after(module: Any, args: Any, output: Any) -> None:
        # An attention returns (output, weights); weights are None unless it is the eager one.
        kept[key] = output[1] if isinstance(output, tuple) else output.clone()

    return module.register_forward_pre_hook(before) if of_input else module.register_forward_hook(after)
