"""OLMo 3: OLMo 2's blocks, three with a window to one without, whose positions alone are stretched after training."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import DecoderFile, LayerKinds, decoder, windows_of
from interp.models.families.olmo2 import POST_NORM
from interp.models.families.record import Family, Positions, Positive, Tokens
from interp.models.families.rope import Rope, Ropes, rotary_by_kind


class Olmo3File(DecoderFile):
    """An OLMo 3's config.json."""

    model_type: Literal["olmo3"]
    vocab_size: Tokens = 50304
    rms_norm_eps: Positive = 1e-5
    attention_bias: bool = False
    sliding_window: Positions | None = 4096
    layer_types: LayerKinds = None
    rope_scaling: Rope | None = Field(default=None, description="Of layers without a window (older files).")
    rope_parameters: Ropes | None = None  # type: ignore[assignment]


def _anatomy(config: Any) -> Anatomy:
    return decoder(config, norms="after", qk_norm="all", windows=windows_of(config), rotary=rotary_by_kind(config))


FAMILY = Family(
    architecture="Olmo3ForCausalLM", model_type="olmo3", schema=Olmo3File, anatomy=_anatomy, parts=POST_NORM
)
