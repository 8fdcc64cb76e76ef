"""GPT-2: learned positions, LayerNorm before each part, biases everywhere, one fused matrix for queries, keys and values."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field, model_validator

from interp.models.families.anatomy import Anatomy
from interp.models.families.record import ConfigFile, Family, Heads, Layers, Positions, Positive, Tokens, Width
from interp.models.families.weights import Parts

Activation = Literal["gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu", "relu", "silu"]


class Gpt2File(ConfigFile):
    """A GPT-2's config.json."""

    model_type: Literal["gpt2"]
    vocab_size: Tokens = 50257
    n_embd: Width = Field(default=768, validation_alias=AliasChoices("n_embd", "hidden_size"))
    n_layer: Layers = Field(default=12, validation_alias=AliasChoices("n_layer", "num_hidden_layers"))
    n_head: Heads = Field(default=12, validation_alias=AliasChoices("n_head", "num_attention_heads"))
    n_positions: Positions = Field(
        default=1024, validation_alias=AliasChoices("n_positions", "max_position_embeddings")
    )
    n_inner: Width | None = None
    activation_function: Activation = "gelu_new"
    layer_norm_epsilon: Positive = 1e-5
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    add_cross_attention: Literal[False] = False

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Gpt2File:
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd {self.n_embd} is not a multiple of n_head {self.n_head}")
        return self


def _anatomy(config: Any) -> Anatomy:
    return Anatomy(
        n_layers=config.n_layer,
        n_heads=config.n_head,
        n_kv_heads=config.n_head,
        d_model=config.n_embd,
        d_head=config.n_embd // config.n_head,
        d_mlp=config.n_inner or 4 * config.n_embd,
        d_vocab=config.vocab_size,
        n_ctx=config.n_positions,
        act_fn=config.activation_function,
        norm="LN",
        eps=config.layer_norm_epsilon,
        attn_scale=None if config.scale_attn_weights else 1.0,
        scale_by_layer=config.scale_attn_by_inverse_layer_idx,
    )


FAMILY = Family(
    architecture="GPT2LMHeadModel",
    model_type="gpt2",
    schema=Gpt2File,
    anatomy=_anatomy,
    parts=Parts(
        embed="transformer.wte",
        pos_embed="transformer.wpe",
        layers="transformer.h",
        ln_final="transformer.ln_f",
        ln1="ln_1",
        ln2="ln_2",
        qkv=("attn.c_attn",),
        out="attn.c_proj",
        mlp_in="mlp.c_fc",
        mlp_out="mlp.c_proj",
        conv=True,
    ),
)
