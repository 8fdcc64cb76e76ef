"""Gemma 1: Llama's blocks; embeddings are scaled, and norms multiply by 1 + weight."""

from __future__ import annotations

from typing import Any, Literal

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import PARTS, DecoderFile, decoder
from interp.models.families.record import Family, Heads, Layers, Positions, Tokens, Width


class GemmaFile(DecoderFile):
    """A Gemma's config.json. transformers reads `hidden_act: gelu` as gelu_pytorch_tanh, which is meant."""

    model_type: Literal["gemma"]
    vocab_size: Tokens = 256000
    tie_word_embeddings: bool = True
    hidden_size: Width = 3072
    intermediate_size: Width = 24576
    num_hidden_layers: Layers = 28
    num_attention_heads: Heads = 16
    num_key_value_heads: Heads | None = 16
    head_dim: Width | None = 256
    max_position_embeddings: Positions = 8192
    attention_bias: bool = False
    use_bidirectional_attention: Literal[False] | None = None


def _anatomy(config: Any) -> Anatomy:
    return decoder(config, embed_scale=config.hidden_size**0.5, gain_offset=1.0)


FAMILY = Family(architecture="GemmaForCausalLM", model_type="gemma", schema=GemmaFile, anatomy=_anatomy, parts=PARTS)
