"""OLMo 2: norms on what each part writes and none on what it reads; RMS norm of queries and keys over all heads together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import PARTS, DecoderFile, decoder
from interp.models.families.record import Family, Positive, Tokens

POST_NORM = replace(
    PARTS,
    ln1="post_attention_layernorm",
    ln2="post_feedforward_layernorm",
    q_norm="self_attn.q_norm",
    k_norm="self_attn.k_norm",
)


class Olmo2File(DecoderFile):
    """An OLMo 2's config.json."""

    model_type: Literal["olmo2"]
    vocab_size: Tokens = 50304
    rms_norm_eps: Positive = 1e-5
    attention_bias: bool = False


def _anatomy(config: Any) -> Anatomy:
    return decoder(config, norms="after", qk_norm="all")


FAMILY = Family(
    architecture="Olmo2ForCausalLM", model_type="olmo2", schema=Olmo2File, anatomy=_anatomy, parts=POST_NORM
)
