"""Gemma 3 (text): Gemma 2's blocks with norms of queries and keys, five layers with a window to one without, two bases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from interp.models.families.anatomy import Anatomy
from interp.models.families.gemma2 import SANDWICH, Gemma2File
from interp.models.families.gemma2 import anatomy as gemma2_anatomy
from interp.models.families.record import Family, Positions, Positive, Tokens
from interp.models.families.rope import Ropes, rotary_by_kind


class Gemma3File(Gemma2File):
    """A Gemma 3's config.json, of its models without eyes."""

    model_type: Literal["gemma3_text"]  # type: ignore[assignment]
    vocab_size: Tokens = 262208
    max_position_embeddings: Positions = 131072
    final_logit_softcapping: Positive | None = None
    attn_logit_softcapping: Positive | None = None
    rope_theta: Positive | None = Field(default=None, description="Of layers without a window (older files).")
    rope_local_base_freq: Positive | None = Field(default=None, description="Of layers with one (older files).")
    rope_parameters: Ropes | None = None  # type: ignore[assignment]


def _anatomy(config: Any) -> Anatomy:
    return gemma2_anatomy(config, qk_norm="head", rotary=rotary_by_kind(config))


FAMILY = Family(
    architecture="Gemma3ForCausalLM",
    model_type="gemma3_text",
    schema=Gemma3File,
    anatomy=_anatomy,
    parts=replace(SANDWICH, q_norm="self_attn.q_norm", k_norm="self_attn.k_norm"),
)
