"""The part of a config.json that says how positions turn queries and keys."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from interp.models.families.record import Positions, Positive

Kind = Literal["default", "linear", "llama3"]


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

    @model_validator(mode="after")
    def _nothing_is_missing(self) -> Rope:
        kind = self.rope_type or self.type or "default"
        ntk = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
        for name in {"default": (), "linear": ("factor",), "llama3": ntk}[kind]:
            if getattr(self, name) is None:
                raise ValueError(f"rope_type {kind} needs {name}")
        if kind == "llama3" and not (self.low_freq_factor or 0) < (self.high_freq_factor or 0):
            raise ValueError("low_freq_factor must be below high_freq_factor")
        return self


def scaling_of(rope: dict[str, Any]) -> dict[str, Any]:
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


def theta_of(rope: dict[str, Any]) -> float:
    """The base of the frequencies."""
    return float(rope.get("rope_theta") or 10_000.0)
