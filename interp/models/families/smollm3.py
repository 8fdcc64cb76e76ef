"""SmolLM3: Llama's blocks, of which every fourth tells its queries and keys no positions (NoPE)."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from interp.models.families.anatomy import Anatomy, LayerRotary
from interp.models.families.decoder import PARTS, DecoderFile, LayerKinds, decoder, windows_of
from interp.models.families.record import Family, Heads, Layers, Positions, Tokens, Width
from interp.models.families.rope import rotary_of

Turns = Annotated[list[Literal[0, 1]], Field(min_length=1)]


class SmolLM3File(DecoderFile):
    """A SmolLM3's config.json."""

    model_type: Literal["smollm3"]
    vocab_size: Tokens = 128256
    tie_word_embeddings: bool = True
    hidden_size: Width = 2048
    num_hidden_layers: Layers = 36
    num_attention_heads: Heads = 16
    num_key_value_heads: Heads | None = 4
    max_position_embeddings: Positions = 32768
    attention_bias: bool = False
    mlp_bias: bool = False
    use_sliding_window: bool = False
    sliding_window: Positions | None = None
    layer_types: LayerKinds = None
    no_rope_layers: Turns | None = Field(
        default=None, description="1 for a layer with rotary positions, 0 for one without; null: by the interval."
    )
    no_rope_layer_interval: int = Field(default=4, ge=1, le=10_000)

    @model_validator(mode="after")
    def _every_layer_is_told(self) -> SmolLM3File:
        layers = self.num_hidden_layers
        if self.no_rope_layers is not None and len(self.no_rope_layers) < layers:
            raise ValueError(f"no_rope_layers has {len(self.no_rope_layers)} entries for {layers} layers")
        return self


def _anatomy(config: Any) -> Anatomy:
    rotary = rotary_of(config)
    still = LayerRotary((0.0,) * (rotary.dim // 2))
    stretched = rotary.by_layer or (None,) * config.num_hidden_layers
    turned = zip(stretched, config.no_rope_layers, strict=False)
    by_layer = tuple(own if turns else still for own, turns in turned)
    return decoder(config, windows=windows_of(config), rotary=replace(rotary, by_layer=by_layer))


FAMILY = Family(
    architecture="SmolLM3ForCausalLM", model_type="smollm3", schema=SmolLM3File, anatomy=_anatomy, parts=PARTS
)
