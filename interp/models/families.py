"""Hub models of families that interp.models.convert does not know: TransformerLens' own loader, with our weights.

TransformerLens gets the Hugging Face model that was read from safetensors, so it loads no weights of its own; the model
is held against Hugging Face's logits like every other.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

from interp.errors import UserError
from interp.models.config import Processing
from interp.models.info import Sizes


def hooked_by_transformer_lens(
    official: str, hf_model: Any, tokenizer: Any, processing: Processing, dtype: torch.dtype, device: str
) -> tuple[Any, dict[str, bool]]:
    """The HookedTransformer and the weight rewrites that took effect; UserError when TransformerLens cannot build it."""
    from transformer_lens import HookedTransformer

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "HookedTransformer", DeprecationWarning)
            hooked = HookedTransformer.from_pretrained(
                official,
                hf_model=hf_model,
                tokenizer=tokenizer,
                dtype=dtype,
                device=device,
                trust_remote_code=False,
                **processing.model_dump(),
            )
    except (ValueError, NotImplementedError, KeyError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"model.name: TransformerLens cannot build {official!r}: {reason}") from None
    # Prompts are tokenised in one place, interp.prompts.
    hooked.tokenizer = None
    hooked.eval().requires_grad_(False)
    centred = str(hooked.cfg.normalization_type).startswith("LN")
    return hooked, {
        **processing.model_dump(),
        "center_writing_weights": processing.center_writing_weights and centred,
    }


def sizes_of_hooked(hooked: Any, architecture: str, name: str) -> Sizes:
    """Sizes of a built model."""
    cfg = hooked.cfg
    return Sizes(
        name=name,
        architecture=architecture,
        n_layers=cfg.n_layers,
        n_heads=cfg.n_heads,
        n_kv_heads=cfg.n_key_value_heads or cfg.n_heads,
        d_model=cfg.d_model,
        d_head=cfg.d_head,
        d_mlp=cfg.d_mlp or 0,
        d_vocab=cfg.d_vocab,
        n_ctx=cfg.n_ctx,
        gated_mlp=bool(cfg.gated_mlp),
    )
