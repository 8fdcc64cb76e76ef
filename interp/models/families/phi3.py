"""Phi 3 and 4-mini: Llama's blocks with fused matrices, a window where the config says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import PARTS, DecoderFile, decoder
from interp.models.families.record import Family, Positions, Positive, Tokens, Width


class Phi3File(DecoderFile):
    """A Phi-3's config.json. Positions that were stretched after training (longrope) are not supported."""

    model_type: Literal["phi3"]
    vocab_size: Tokens = 32064
    hidden_size: Width = 3072
    intermediate_size: Width = 8192
    rms_norm_eps: Positive = 1e-5
    partial_rotary_factor: float = Field(default=1.0, gt=0, le=1)
    sliding_window: Positions | None = None


def _anatomy(config: Any) -> Anatomy:
    window = config.sliding_window
    return decoder(config, windows=() if window is None else (window,) * config.num_hidden_layers)


FAMILY = Family(
    architecture="Phi3ForCausalLM",
    model_type="phi3",
    schema=Phi3File,
    anatomy=_anatomy,
    parts=replace(PARTS, qkv=("self_attn.qkv_proj",), mlp_in="mlp.gate_up_proj", mlp_gate=None, gate_fused=True),
)
