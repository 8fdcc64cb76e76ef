"""Phi 3 and 4-mini: Llama's blocks with fused matrices, a window and stretched positions where the config says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import PARTS, DecoderFile, decoder
from interp.models.families.record import Family, Positions, Positive, Tokens, Width
from interp.models.families.rope import Rope, rotary_of


class Phi3Rope(Rope):
    """How positions turn queries and keys: as trained, or stretched by LongRoPE."""

    rope_type: Literal["default", "longrope"] | None = None  # type: ignore[assignment]
    type: Literal["default", "longrope"] | None = None  # type: ignore[assignment]
    short_factor: list[Positive] | None = Field(default=None, description="Within the first context.")
    long_factor: list[Positive] | None = Field(default=None, description="Beyond it, which is not supported.")


class Phi3File(DecoderFile):
    """A Phi-3's config.json."""

    model_type: Literal["phi3"]
    vocab_size: Tokens = 32064
    hidden_size: Width = 3072
    intermediate_size: Width = 8192
    rms_norm_eps: Positive = 1e-5
    partial_rotary_factor: float = Field(default=1.0, gt=0, le=1)
    sliding_window: Positions | None = None
    original_max_position_embeddings: Positions = 4096
    rope_scaling: Phi3Rope | None = None
    rope_parameters: Phi3Rope | None = None


def _anatomy(config: Any) -> Anatomy:
    window, rotary = config.sliding_window, rotary_of(config)
    context = config.max_position_embeddings
    if rotary.by_layer:
        # Beyond the first context, LongRoPE has other frequencies for all positions of a prompt.
        context = min(context, config.original_max_position_embeddings)
    return decoder(
        config, rotary=rotary, n_ctx=context, windows=() if window is None else (window,) * config.num_hidden_layers
    )


FAMILY = Family(
    architecture="Phi3ForCausalLM",
    model_type="phi3",
    schema=Phi3File,
    anatomy=_anatomy,
    parts=replace(PARTS, qkv=("self_attn.qkv_proj",), mlp_in="mlp.gate_up_proj", mlp_gate=None, gate_fused=True),
)
