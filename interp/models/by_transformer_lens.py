"""Hub models of families that interp.models.convert does not know: TransformerLens' own loader, with our weights.

TransformerLens gets the Hugging Face model that was read from safetensors, and its config, so it asks the hub for nothing
and runs no code from there (for some names it would). The model is held against Hugging Face's logits like every other.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import SimpleNamespace
from typing import Any

import torch

from interp.analysis.findings_of_run import Sizes
from interp.errors import UserError
from interp.models.bridge import bridged
from interp.models.config import Processing
from interp.models.info import windows_of
from interp.models.lens import has_hooked_transformer


def hooked_by_transformer_lens(
    official: str, hf_model: Any, tokenizer: Any, processing: Processing, dtype: torch.dtype, device: str
) -> tuple[Any, dict[str, bool]]:
    """The hooked model and the weight rewrites that took effect; UserError when TransformerLens cannot build it.

    TransformerLens 4 builds its model around Hugging Face's own; its weights are left as they are.
    """
    if not has_hooked_transformer():
        return bridged(hf_model, None, processing, dtype, device, official)
    from transformer_lens import HookedTransformer

    try:
        with warnings.catch_warnings(), _its_config(hf_model.config), redirect_stdout(io.StringIO()), _no_log():
            warnings.filterwarnings("ignore", "HookedTransformer", DeprecationWarning)
            hooked = HookedTransformer.from_pretrained(
                official,
                hf_model=hf_model,
                tokenizer=tokenizer,
                dtype=dtype,
                device=device,
                **processing.model_dump(),
            )
    except (ValueError, NotImplementedError, KeyError, OSError, AssertionError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"model: TransformerLens cannot build {official!r}: {reason}") from None
    # Prompts are tokenised in one place, interp.prompts.
    hooked.tokenizer = None
    hooked.eval().requires_grad_(False)
    return hooked, _in_effect(hooked, processing)


@contextmanager
def _no_log() -> Iterator[None]:
    """It warns of remote code that it would run if the weights were not given."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def _its_config(config: Any) -> Iterator[None]:
    """TransformerLens reads this config instead of asking the hub for the newest one of that name."""
    from transformer_lens import loading_from_pretrained as loader

    theirs = loader.AutoConfig
    loader.AutoConfig = SimpleNamespace(from_pretrained=lambda *_, **__: config)
    try:
        yield
    finally:
        loader.AutoConfig = theirs


def _in_effect(hooked: Any, processing: Processing) -> dict[str, bool]:
    """The rewrites that were asked for and done: TransformerLens leaves out what would change a model."""
    from transformer_lens.utilities.architectures import POST_NORM_ARCHITECTURES

    cfg = hooked.cfg
    pre_norm = cfg.original_architecture not in POST_NORM_ARCHITECTURES
    plain = cfg.positional_embedding_type != "shortformer"
    layer_norm = str(cfg.normalization_type).startswith("LN") and not cfg.final_rms
    capped = (cfg.output_logits_soft_cap or 0.0) > 0
    return {
        "fold_ln": processing.fold_ln and str(cfg.normalization_type).endswith("Pre"),
        "center_writing_weights": processing.center_writing_weights and pre_norm and plain and layer_norm,
        "center_unembed": processing.center_unembed and plain and not capped,
        "fold_value_biases": processing.fold_value_biases,
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
        gated_mlp=bool(getattr(cfg, "gated_mlp", False)),
        windows=windows_of(cfg),
    )
