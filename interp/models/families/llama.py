"""Llama: rotary positions, RMS norm before each part, grouped queries, a gated MLP; biases where its config says so."""

from __future__ import annotations

from typing import Literal

from interp.models.families.decoder import PARTS, DecoderFile, decoder
from interp.models.families.record import Family, Tokens


class LlamaFile(DecoderFile):
    """A Llama's config.json."""

    model_type: Literal["llama"]
    vocab_size: Tokens = 32000
    attention_bias: bool = False
    mlp_bias: bool = False


FAMILY = Family(architecture="LlamaForCausalLM", model_type="llama", schema=LlamaFile, anatomy=decoder, parts=PARTS)
