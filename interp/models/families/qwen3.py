"""Qwen3: Llama's blocks, with RMS norm of every head's queries and keys before positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import PARTS, DecoderFile, LayerKinds, decoder, windows_of
from interp.models.families.record import Family, Positions, Tokens, Width


class Qwen3File(DecoderFile):
    """A Qwen3's config.json."""

    model_type: Literal["qwen3"]
    vocab_size: Tokens = 151936
    head_dim: Width | None = 128
    attention_bias: bool = False
    use_sliding_window: bool = False
    sliding_window: Positions | None = 4096
    max_window_layers: int = Field(default=28, ge=0, le=10_000)
    layer_types: LayerKinds = None


def _anatomy(config: Any) -> Anatomy:
    return decoder(config, qk_norm="head", windows=windows_of(config))


FAMILY = Family(
    architecture="Qwen3ForCausalLM",
    model_type="qwen3",
    schema=Qwen3File,
    anatomy=_anatomy,
    parts=replace(PARTS, q_norm="self_attn.q_norm", k_norm="self_attn.k_norm"),
)
