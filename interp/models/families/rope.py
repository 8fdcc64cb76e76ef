"""The part of a config.json that says how positions turn queries and keys."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from interp.models.families.anatomy import LayerRotary, Rotary
from interp.models.families.record import Positions, Positive

Kind = Literal["default", "linear", "llama3", "yarn"]
NEEDS = {
    "linear": ("factor",),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
    "yarn": ("factor", "original_max_position_embeddings"),
    "longrope": ("short_factor", "long_factor"),
}
"""What each kind cannot do without."""


class Rope(BaseModel):
    """How positions turn queries and keys (`rope_parameters`; `rope_scaling` in older files)."""

    model_config = ConfigDict(extra="allow", strict=True)

    rope_type: Kind | None = None
    type: Kind | None = Field(default=None, description="rope_type, in older files.")
    rope_theta: Positive | None = None
    factor: Positive | None = None
    low_freq_factor: Positive | None = None
    high_freq_factor: Positive | None = None
    original_max_position_embeddings: Positions | None = None
    partial_rotary_factor: float | None = Field(default=None, gt=0, le=1)
    attention_factor: Positive | None = None
    beta_fast: Positive | None = None
    beta_slow: Positive | None = None
    mscale: Positive | None = None
    mscale_all_dim: Positive | None = None
    truncate: bool = True

    @model_validator(mode="after")
    def _nothing_is_missing(self) -> Rope:
        kind = self.rope_type or self.type or "default"
        for name in NEEDS.get(kind, ()):
            if getattr(self, name) is None:
                raise ValueError(f"rope_type {kind} needs {name}")
        if kind == "llama3" and not (self.low_freq_factor or 0) < (self.high_freq_factor or 0):
            raise ValueError("low_freq_factor must be below high_freq_factor")
        return self


class Ropes(BaseModel):
    """Rotary positions of the layers with a window and of those without."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sliding_attention: Rope | None = None
    full_attention: Rope | None = None


def d_head_of(config: Any) -> int:
    """The size of a head."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def rotary_of(config: Any) -> Rotary:
    """The rotary positions of a config that has the same in every layer."""
    rope = config.rope_parameters or {}
    rotary = Rotary(
        int(d_head_of(config) * rope.get("partial_rotary_factor", 1.0)), theta_of(rope), scaling=_scaling(rope)
    )
    if rope.get("rope_type") not in ("yarn", "longrope"):
        return rotary
    return Rotary(rotary.dim, rotary.base, by_layer=(_stretched(config, rope, None),) * config.num_hidden_layers)


def rotary_by_kind(config: Any) -> Rotary:
    """That of a config whose layers with a window (`layer_types`) have other ones than those without."""
    kinds = {kind: config.rope_parameters[kind] for kind in ("full_attention", "sliding_attention")}
    # TransformerLens' scaling of Llama 3 is one for all layers, that of Gemma 3 (linear) one for those without a window.
    as_they_are = {"full_attention": ("default", "linear"), "sliding_attention": ("default",)}
    own = {
        kind: None if rope["rope_type"] in as_they_are[kind] else _stretched(config, rope, kind)
        for kind, rope in kinds.items()
    }
    everywhere, local = kinds["full_attention"], kinds["sliding_attention"]
    return Rotary(
        d_head_of(config),
        theta_of(everywhere),
        theta_of(local),
        scaling={} if own["full_attention"] else _scaling(everywhere),
        by_layer=tuple(own[kind] for kind in config.layer_types) if any(own.values()) else (),
    )


def theta_of(rope: dict[str, Any]) -> float:
    """The base of the frequencies."""
    return float(rope.get("rope_theta") or 10_000.0)


def _scaling(rope: dict[str, Any]) -> dict[str, Any]:
    """TransformerLens' settings of frequencies that were changed after training."""
    if rope.get("rope_type") == "linear":
        return {"rotary_scaling_factor": float(rope["factor"])}
    if rope.get("rope_type") == "llama3":
        return {
            "use_NTK_by_parts_rope": True,
            "NTK_by_parts_factor": float(rope["factor"]),
            "NTK_by_parts_low_freq_factor": float(rope["low_freq_factor"]),
            "NTK_by_parts_high_freq_factor": float(rope["high_freq_factor"]),
            "NTK_original_ctx_len": int(rope["original_max_position_embeddings"]),
        }
    return {}


def _stretched(config: Any, rope: dict[str, Any], kind: str | None) -> LayerRotary:
    """Frequencies that were changed after training, as transformers computes them for prompts within the first context."""
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    frequencies, attention_factor = ROPE_INIT_FUNCTIONS[rope["rope_type"]](config, "cpu", layer_type=kind)
    # longrope has other frequencies for longer prompts, for all of their positions.
    longest = rope["original_max_position_embeddings"] if rope["rope_type"] == "longrope" else None
    return LayerRotary(tuple(frequencies.tolist()), float(attention_factor), longest)
