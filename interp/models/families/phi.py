"""Phi 1, 1.5 and 2: one LayerNorm for attention and MLP side by side, positions on a part of each head, biases."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import Activation, DecoderFile, decoder
from interp.models.families.record import Family, Layers, Positive, Tokens, Width
from interp.models.families.weights import Parts


class PhiFile(DecoderFile):
    """A Phi's config.json."""

    model_type: Literal["phi"]
    vocab_size: Tokens = 51200
    hidden_size: Width = 2048
    intermediate_size: Width = 8192
    num_hidden_layers: Layers = 24
    hidden_act: Activation = "gelu_new"
    layer_norm_eps: Positive = 1e-5
    partial_rotary_factor: float = Field(default=0.5, gt=0, le=1)
    qk_layernorm: Literal[False] = Field(default=False, description="LayerNorm of queries and keys is not supported.")


def _anatomy(config: Any) -> Anatomy:
    return decoder(config, norm="LN", eps=config.layer_norm_eps, parallel=True, gated_mlp=False)


FAMILY = Family(
    architecture="PhiForCausalLM",
    model_type="phi",
    schema=PhiFile,
    anatomy=_anatomy,
    parts=Parts(
        embed="model.embed_tokens",
        layers="model.layers",
        ln_final="model.final_layernorm",
        ln1="input_layernorm",
        ln2="input_layernorm",
        qkv=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        out="self_attn.dense",
        mlp_in="mlp.fc1",
        mlp_out="mlp.fc2",
    ),
)
