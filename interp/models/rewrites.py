"""TransformerLens' rewrites of the weights, a block at a time, so that there are never two copies of a model.

The steps and their order are those of its `ProcessWeights.process_weights`, which copies all weights it is given, in float32,
and is given one block here. Of what stands outside the blocks it would hold four copies (an embedding is often the larger
part of a small model), so that is rewritten in place, or part by part:

    unembedding    b_U += sum_d W_U[d] b[d]      W_U[d] *= w[d]      of the last norm's gain w and bias b
                   W_U -= its mean over d        LayerNorm alone, which takes the mean off anyway
                   W_U -= its mean over the vocabulary, b_U too (`center_unembed`)
    embeddings     W_E *= scale (Gemma); W_E, W_pos -= their mean over d (`center_writing_weights`)

All arithmetic is float32, and the results are rounded once, to the dtype of the model.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from interp.models.families.weights import State

AT_ONCE = 2**20
"""Numbers of an embedding that are rewritten at once."""


def block_rewritten(block: State, cfg: Any, applied: Mapping[str, bool]) -> State:
    """A block's tensors, rewritten; names are those within the block."""
    from transformer_lens.weight_processing import ProcessWeights

    alone = copy.copy(cfg)
    alone.n_layers = 1
    state = {f"blocks.0.{name}": block[name] for name in block}
    block.clear()
    # It asks for embeddings to centre; these are thrown away.
    state |= {name: torch.zeros(1, cfg.d_model) for name in ("embed.W_E", "pos_embed.W_pos")}
    state = ProcessWeights.process_weights(state, alone, **{**applied, "center_unembed": False})
    return {name.removeprefix("blocks.0."): tensor for name, tensor in state.items() if name.startswith("blocks.0.")}


def embeddings_rewritten(state: State, cfg: Any, applied: Mapping[str, bool], scale: float) -> State:
    """What stands outside the blocks, rewritten; the embeddings in place, and `scale` is put into them."""
    layer_norm = cfg.normalization_type == "LN"
    made = _unembedding(state, applied["fold_ln"], layer_norm, applied["center_unembed"])
    for name in ("embed.W_E", "pos_embed.W_pos"):
        if name not in state:
            continue
        table = state.pop(name).detach()
        for rows in _in_parts(table):
            if name == "embed.W_E" and scale != 1.0:
                # As Gemma does it: the factor is rounded to the weights' own precision first.
                rows.mul_(torch.tensor(scale, dtype=rows.dtype))
            if applied["center_writing_weights"] and layer_norm:
                wide = rows.float()
                rows.copy_(wide - wide.mean(-1, keepdim=True))
        made[name] = table
    return made | state


def _unembedding(state: State, fold: bool, layer_norm: bool, centre: bool) -> State:
    """W_U [d_model, d_vocab] and b_U, taken out of `state`, of which the norm's gain and bias become 1 and 0 if folded."""
    rows, bias = state.pop("unembed.W_U").detach().T, state.pop("unembed.b_U")
    gain, shift = (state[name].float() if name in state else None for name in ("ln_final.w", "ln_final.b"))
    d_vocab, d_model = rows.shape
    dtype, wide_bias = rows.dtype, bias.float().clone()
    # The mean over the vocabulary is a sum in the order in which the numbers lie, so there they stay as they are.
    out = rows.new_empty(d_vocab, d_model, dtype=torch.float32).T if centre else rows.new_empty(d_model, d_vocab)
    begin = 0
    for part in _in_parts(rows):
        columns, here = part.float().T, slice(begin, begin + len(part))
        begin += len(part)
        if fold and gain is not None:
            if layer_norm and shift is not None:
                wide_bias[here] += (columns * shift[:, None]).sum(dim=-2)
            columns = columns * gain[:, None]
            if layer_norm:
                columns = columns - columns.mean(0, keepdim=True)
        out[:, here] = columns
    if centre:
        out -= out.mean(-1, keepdim=True)
        wide_bias -= wide_bias.mean()
    if fold:
        for name, value in (("ln_final.w", 1.0), ("ln_final.b", 0.0)):
            if name in state and (layer_norm or name == "ln_final.w"):
                state[name] = torch.full_like(state[name], value)
    return {"unembed.W_U": out.to(dtype), "unembed.b_U": wide_bias.to(bias.dtype)}


def _in_parts(rows: Float[Tensor, "row d_model"]) -> Iterator[Float[Tensor, "some d_model"]]:
    """Views of a matrix, row after row."""
    yield from rows.tensor_split(max(1, rows.numel() // AT_ONCE))
