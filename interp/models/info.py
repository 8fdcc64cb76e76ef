"""A loaded model, and the windows of a TransformerLens config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interp.analysis.findings_of_run import ModelFound


def windows_of(cfg: Any) -> tuple[int | None, ...]:
    """The windows of a TransformerLens config."""
    if not getattr(cfg, "use_local_attn", False):
        return ()
    return tuple(cfg.window_size if kind == "local" else None for kind in cfg.attn_types)


@dataclass(frozen=True)
class LoadedModel:
    """A HookedTransformer without tokenizer, the tokenizer, and what they are."""

    hooked: Any
    tokenizer: Any
    info: ModelFound

    def __repr__(self) -> str:
        info = self.info
        return f"<model {info.name}: {info.n_layers} layers x {info.n_heads} heads, {info.dtype} on {info.device}>"
