"""Hugging Face's tensors -> TransformerLens' names and shapes, told from the names of a family's modules.

Shapes: H query heads, K key-value heads, d = d_model, h = d_head, m = d_mlp. A linear map of Hugging Face is stored [out, in].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Literal

import torch
from einops import rearrange
from torch import Tensor

from interp.models.families.anatomy import Anatomy

Tensors = MutableMapping[str, Tensor]
State = dict[str, Tensor]


@dataclass(frozen=True)
class Parts:
    """The names of a family's modules; those of a block are told within their layer.

    Args:
        layers: what comes before a layer's number.
        ln1, ln2: norms of what attention and the MLP read, or write where a block has no other; ln2 is ln1 where one norm
            serves both.
        ln1_post, ln2_post: norms of what they write, beside those of what they read.
        qkv: three modules, or a fused one.
        fused: how the rows of a fused one lie: all queries, then keys, then values; or, for each key-value head, its queries,
            its key and its value together.
        mlp_in: also a fused one that begins with the gate (`gate_fused`).
        conv: linear maps are stored [in, out].
        pos_rows: rows of the position table that no position has.
    """

    embed: str
    layers: str
    ln_final: str
    ln1: str
    ln2: str
    qkv: tuple[str, ...]
    out: str
    mlp_in: str
    mlp_out: str
    unembed: str = "lm_head"
    pos_embed: str | None = None
    pos_rows: int = 0
    ln1_post: str | None = None
    ln2_post: str | None = None
    q_norm: str | None = None
    k_norm: str | None = None
    fused: Literal["by kind", "by group"] = "by kind"
    mlp_gate: str | None = None
    gate_fused: bool = False
    conv: bool = False


def blocks(tensors: Tensors, parts: Parts, anatomy: Anatomy) -> Iterator[State]:
    """Each block's tensors, named within it. What a block needs is taken out of `tensors`, so its memory can be let go."""
    for layer in range(anatomy.n_layers):
        prefix = f"{parts.layers}.{layer}."
        own = {name: tensors.pop(name) for name in list(tensors) if name.startswith(prefix)}
        yield _block(own, prefix, parts, anatomy)


def embeddings(tensors: Tensors, parts: Parts, anatomy: Anatomy, tied: bool) -> State:
    """Everything outside the blocks; where embedding and unembedding are tied, W_U is W_E's transposed view."""
    embed = tensors[f"{parts.embed}.weight"]
    last = {f"ln_final.{name}": tensor for name, tensor in _norm(tensors, parts.ln_final, anatomy).items()}
    last["embed.W_E"] = embed
    if parts.pos_embed is not None:
        last["pos_embed.W_pos"] = tensors[f"{parts.pos_embed}.weight"][parts.pos_rows :]
    name = f"{parts.unembed}.weight"
    last["unembed.W_U"] = (embed if tied and name not in tensors else tensors[name]).T
    bias = tensors.get(f"{parts.unembed}.bias")
    last["unembed.b_U"] = embed.new_zeros(anatomy.d_vocab) if bias is None else bias
    return last


def _norm(tensors: Tensors, name: str, anatomy: Anatomy) -> State:
    gain = tensors[f"{name}.weight"]
    if anatomy.gain_offset:
        gain = gain.float() + anatomy.gain_offset
    bias = tensors.get(f"{name}.bias")
    return {"w": gain} if bias is None else {"w": gain, "b": bias}


def _block(tensors: Tensors, prefix: str, parts: Parts, anatomy: Anatomy) -> State:
    state: State = {}
    for name, module in (
        ("ln1", parts.ln1),
        ("ln2", parts.ln2),
        ("ln1_post", parts.ln1_post),
        ("ln2_post", parts.ln2_post),
        ("attn.q_norm", parts.q_norm),
        ("attn.k_norm", parts.k_norm),
    ):
        if module is not None:
            state |= {f"{name}.{kind}": tensor for kind, tensor in _norm(tensors, prefix + module, anatomy).items()}
    weights, biases = _queries_keys_values(tensors, prefix, parts, anatomy)
    grouped = "_" if anatomy.n_kv_heads != anatomy.n_heads else ""
    for name, weight, bias in zip(("Q", f"{grouped}K", f"{grouped}V"), weights, biases, strict=True):
        mark, kind = ("_", name[-1]) if name[0] == "_" else ("", name)
        heads = anatomy.n_heads if kind == "Q" else anatomy.n_kv_heads
        state[f"attn.{mark}W_{kind}"] = rearrange(weight, "d (head h) -> head d h", head=heads)
        state[f"attn.{mark}b_{kind}"] = (
            weight.new_zeros(heads, anatomy.d_head)
            if bias is None
            else rearrange(bias, "(head h) -> head h", head=heads)
        )
    linear = _linear(tensors, prefix, parts)
    weight, bias = linear(parts.out)
    state["attn.W_O"] = rearrange(weight, "(head h) d -> head h d", head=anatomy.n_heads)
    state["attn.b_O"] = weight.new_zeros(anatomy.d_model) if bias is None else bias
    return state | _mlp(linear, parts, anatomy)


def _linear(tensors: Tensors, prefix: str, parts: Parts) -> Callable[[str], tuple[Tensor, Tensor | None]]:
    """A linear map as a matrix [in, out], and its bias."""

    def linear(name: str) -> tuple[Tensor, Tensor | None]:
        weight = tensors[f"{prefix}{name}.weight"]
        return weight if parts.conv else weight.T, tensors.get(f"{prefix}{name}.bias")

    return linear


def _queries_keys_values(
    tensors: Tensors, prefix: str, parts: Parts, anatomy: Anatomy
) -> tuple[list[Tensor], list[Tensor | None]]:
    """Matrices [d, head h] and biases [head h] of queries, keys and values."""
    linear = _linear(tensors, prefix, parts)
    if len(parts.qkv) == 3:
        pairs = [linear(name) for name in parts.qkv]
        return [weight for weight, _ in pairs], [bias for _, bias in pairs]
    weight, bias = linear(parts.qkv[0])
    fused = [weight] if bias is None else [weight, bias]
    if parts.fused == "by group":
        apart = [_by_group(stacked, anatomy) for stacked in fused]
    else:
        widths = [heads * anatomy.d_head for heads in (anatomy.n_heads, anatomy.n_kv_heads, anatomy.n_kv_heads)]
        apart = [torch.split(stacked, widths, dim=-1) for stacked in fused]
    return list(apart[0]), [None] * 3 if bias is None else list(apart[1])


def _by_group(stacked: Tensor, anatomy: Anatomy) -> tuple[Tensor, ...]:
    """The last axis of queries, keys and values whose heads lie together with their key-value head."""
    heads = rearrange(stacked, "... (kv_head n h) -> ... kv_head n h", kv_head=anatomy.n_kv_heads, h=anatomy.d_head)
    kinds = torch.split(heads, [heads.shape[-2] - 2, 1, 1], dim=-2)
    return tuple([kind.flatten(-3) for kind in kinds])


def _mlp(linear: Callable[[str], tuple[Tensor, Tensor | None]], parts: Parts, anatomy: Anatomy) -> State:
    weight, bias = linear(parts.mlp_in)
    out, out_bias = linear(parts.mlp_out)
    state = {"mlp.W_out": out, "mlp.b_out": out.new_zeros(anatomy.d_model) if out_bias is None else out_bias}
    nothing = weight.new_zeros(anatomy.d_mlp)
    if not anatomy.gated_mlp:
        return state | {"mlp.W_in": weight, "mlp.b_in": nothing if bias is None else bias}
    if parts.gate_fused:
        gate, weight = weight.chunk(2, dim=-1)
        gate_bias, bias = (None, None) if bias is None else bias.chunk(2)
    else:
        assert parts.mlp_gate is not None
        gate, gate_bias = linear(parts.mlp_gate)
    # TransformerLens' b_in is added after the product of gate and input; see interp.models.biased_mlp.
    state |= {"mlp.W_in": weight, "mlp.W_gate": gate, "mlp.b_in": nothing}
    if bias is not None and gate_bias is not None:
        state |= {"mlp.b_up": bias, "mlp.b_gate": gate_bias}
    return state
