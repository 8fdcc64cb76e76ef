"""What a loaded model is, for the manifest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sizes:
    """Sizes that are known from a config file alone."""

    name: str
    architecture: str
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_model: int
    d_head: int
    d_mlp: int
    d_vocab: int
    n_ctx: int
    gated_mlp: bool
    windows: tuple[int | None, ...] = field(default=(), kw_only=True)
    """How many positions each layer's queries see, their own included (None: all); empty: all, in every layer."""


def windows_of(cfg: Any) -> tuple[int | None, ...]:
    """The windows of a TransformerLens config."""
    if not getattr(cfg, "use_local_attn", False):
        return ()
    return tuple(cfg.window_size if kind == "local" else None for kind in cfg.attn_types)


@dataclass(frozen=True)
class ModelInfo(Sizes):
    """Sizes, origin and treatment of a loaded model.

    `processing` holds the weight rewrites that took effect; `logits_max_abs_diff` is the largest difference to Hugging
    Face's logits on `checked_prompt`, after removing each row's mean where center_unembed has moved rows by a constant.
    `sparse` is None for a dense model; else the gate's bias, and how its checkpoint was trained. `weights_sha256` is the
    dense base's.
    """

    source: str
    origin: str
    dtype: str
    device: str
    prepend_bos: bool
    processing: dict[str, bool]
    weights_sha256: str
    sparse: dict[str, Any] | None
    checked_prompt: str
    logits_max_abs_diff: float


@dataclass(frozen=True)
class LoadedModel:
    """A HookedTransformer without tokenizer, the tokenizer, and what they are."""

    hooked: Any
    tokenizer: Any
    info: ModelInfo
