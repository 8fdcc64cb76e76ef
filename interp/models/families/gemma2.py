"""Gemma 2: norms before and after each part, caps on scores and logits, a window in every second layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import PARTS, Activation, DecoderFile, LayerKinds, decoder, windows_of
from interp.models.families.record import Family, Heads, Layers, Positions, Positive, Tokens, Width

SANDWICH = replace(
    PARTS, ln1_post="post_attention_layernorm", ln2="pre_feedforward_layernorm", ln2_post="post_feedforward_layernorm"
)


class Gemma2File(DecoderFile):
    """A Gemma 2's config.json."""

    model_type: Literal["gemma2"]
    vocab_size: Tokens = 256000
    tie_word_embeddings: bool = True
    hidden_size: Width = 2304
    intermediate_size: Width = 9216
    num_hidden_layers: Layers = 26
    num_attention_heads: Heads = 8
    num_key_value_heads: Heads | None = 4
    head_dim: Width | None = 256
    max_position_embeddings: Positions = 8192
    hidden_activation: Activation = "gelu_pytorch_tanh"
    attention_bias: bool = False
    query_pre_attn_scalar: Positive = 256
    sliding_window: Positions | None = 4096
    layer_types: LayerKinds = None
    final_logit_softcapping: Positive | None = 30.0
    attn_logit_softcapping: Positive | None = 50.0
    use_bidirectional_attention: Literal[False] | None = None


def anatomy(config: Any, **changes: Any) -> Anatomy:
    """Also Gemma 3's, with its `changes`."""
    return decoder(
        config,
        norms="around",
        act_fn=config.hidden_activation,
        embed_scale=config.hidden_size**0.5,
        gain_offset=1.0,
        attn_scale=config.query_pre_attn_scalar**0.5,
        score_cap=config.attn_logit_softcapping,
        logit_cap=config.final_logit_softcapping,
        windows=windows_of(config),
        **changes,
    )


FAMILY = Family(
    architecture="Gemma2ForCausalLM", model_type="gemma2", schema=Gemma2File, anatomy=anatomy, parts=SANDWICH
)
