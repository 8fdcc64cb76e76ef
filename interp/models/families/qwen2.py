"""Qwen 1.5, 2 and 2.5: Llama's blocks with biases on queries, keys and values."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import PARTS, DecoderFile, LayerKinds, decoder, windows_of
from interp.models.families.record import Family, Positions, Tokens


class Qwen2File(DecoderFile):
    """A Qwen2's config.json."""

    model_type: Literal["qwen2"]
    vocab_size: Tokens = 151936
    use_sliding_window: bool = False
    sliding_window: Positions | None = 4096
    max_window_layers: int = Field(default=28, ge=0, le=10_000)
    layer_types: LayerKinds = None


def _anatomy(config: Any) -> Anatomy:
    return decoder(config, windows=windows_of(config))


FAMILY = Family(architecture="Qwen2ForCausalLM", model_type="qwen2", schema=Qwen2File, anatomy=_anatomy, parts=PARTS)
