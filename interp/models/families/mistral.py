"""Mistral: Llama's blocks, with a window in every layer where its config says so."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import PARTS, DecoderFile, decoder
from interp.models.families.record import Family, Heads, Positions, Tokens


class MistralFile(DecoderFile):
    """A Mistral's config.json."""

    model_type: Literal["mistral"]
    vocab_size: Tokens = 32000
    num_key_value_heads: Heads | None = 8
    sliding_window: Positions | None = Field(default=4096, description="How many positions a query sees; null: all.")


def _anatomy(config: Any) -> Anatomy:
    window = config.sliding_window
    return decoder(config, windows=() if window is None else (window,) * config.num_hidden_layers)


FAMILY = Family(
    architecture="MistralForCausalLM", model_type="mistral", schema=MistralFile, anatomy=_anatomy, parts=PARTS
)
