"""Falcon 7B, 40B, 11B: LayerNorm, attention and MLP side by side, few key-value heads, rotary positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, model_validator

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import Activation
from interp.models.families.record import ConfigFile, Family, Heads, Layers, Positions, Positive, Tokens, Width
from interp.models.families.rope import Rope, d_head_of, rotary_of
from interp.models.families.weights import Parts


class FalconFile(ConfigFile):
    """A Falcon's config.json."""

    model_type: Literal["falcon"]
    vocab_size: Tokens = 65024
    hidden_size: Width = 4544
    num_hidden_layers: Layers = 32
    num_attention_heads: Heads = 71
    num_kv_heads: Heads | None = None
    ffn_hidden_size: Width | None = None
    num_ln_in_parallel_attn: int | None = Field(default=None, ge=1, le=2)
    max_position_embeddings: Positions = 2048
    layer_norm_epsilon: Positive = 1e-5
    activation: Activation = "gelu"
    new_decoder_architecture: bool = False
    multi_query: bool = True
    parallel_attn: bool = True
    bias: bool = False
    alibi: bool = False
    rope_theta: Positive | None = None
    rope_scaling: Rope | None = None
    rope_parameters: Rope | None = None

    @model_validator(mode="after")
    def _its_blocks_are_known(self) -> FalconFile:
        heads, kv_heads = self.num_attention_heads, self.num_kv_heads or self.num_attention_heads
        if self.alibi:
            raise ValueError("alibi is true, but of Falcon only models with rotary positions are supported")
        if self.hidden_size % heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {heads}")
        if self.hidden_size // heads % 2:
            raise ValueError(
                f"heads have {self.hidden_size // heads} entries, which rotary positions cannot turn in pairs"
            )
        if self.new_decoder_architecture and heads % kv_heads:
            raise ValueError(f"num_attention_heads {heads} is not a multiple of num_kv_heads {kv_heads}")
        # What transformers builds and cannot run.
        if self.new_decoder_architecture and not self.parallel_attn:
            raise ValueError("new_decoder_architecture needs parallel_attn")
        if self.num_ln_in_parallel_attn == 2 and not self.new_decoder_architecture:
            raise ValueError("num_ln_in_parallel_attn 2 needs new_decoder_architecture")
        return self


def _anatomy(config: Any) -> Anatomy:
    heads = config.num_attention_heads
    before_40b = 1 if config.multi_query else heads
    kv_heads = config.num_kv_heads if config.new_decoder_architecture else before_40b
    return Anatomy(
        n_layers=config.num_hidden_layers,
        n_heads=heads,
        n_kv_heads=kv_heads,
        d_model=config.hidden_size,
        d_head=d_head_of(config),
        d_mlp=config.ffn_hidden_size,
        d_vocab=config.vocab_size,
        n_ctx=config.max_position_embeddings,
        act_fn=config.activation,
        norm="LN",
        eps=config.layer_norm_epsilon,
        parallel=config.new_decoder_architecture or config.parallel_attn,
        rotary=rotary_of(config),
    )


ONE_NORM = Parts(
    embed="transformer.word_embeddings",
    layers="transformer.h",
    ln_final="transformer.ln_f",
    ln1="input_layernorm",
    ln2="input_layernorm",
    qkv=("self_attention.query_key_value",),
    fused="by group",
    out="self_attention.dense",
    mlp_in="mlp.dense_h_to_4h",
    mlp_out="mlp.dense_4h_to_h",
)


def _parts(config: Any) -> Parts:
    """Falcon 40B has a norm for each of the two parts, and so have blocks in which the MLP comes after the attention."""
    if config.new_decoder_architecture and config.num_ln_in_parallel_attn in (None, 2):
        return replace(ONE_NORM, ln1="ln_attn", ln2="ln_mlp")
    return ONE_NORM if config.parallel_attn else replace(ONE_NORM, ln2="post_attention_layernorm")


FAMILY = Family(
    architecture="FalconForCausalLM", model_type="falcon", schema=FalconFile, anatomy=_anatomy, parts=_parts
)
