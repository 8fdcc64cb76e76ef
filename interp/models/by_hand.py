"""A HookedTransformer that somebody has built: taken as it is, with what must hold checked."""

from __future__ import annotations

from typing import Any

import torch

from interp.analysis.findings_of_run import ModelFound
from interp.errors import UserError
from interp.models.bridge import seen
from interp.models.by_transformer_lens import sizes_of_hooked
from interp.models.check import weights_sha256
from interp.models.info import LoadedModel
from interp.models.own_hooks import own_hooks
from interp.models.token_ids import TokenIds

NEEDED = ("cfg", "blocks", "unembed", "hook_dict")


def wrapped(model: Any, tokenizer: Any = None, prepend_bos: bool = False) -> LoadedModel:
    """A LoadedModel around a HookedTransformer; its weights are not copied.

    Args:
        model: a HookedTransformer in evaluation mode and without hooks of its own.
        tokenizer: a Hugging Face tokenizer; None: the model's own, and without one prompts are token ids.

    Raises:
        UserError: no HookedTransformer, in training mode, or with hooks on it.
    """
    model = seen(model)
    missing = [name for name in NEEDED if not hasattr(model, name)]
    if missing:
        raise UserError(
            f"a model must be a name, a directory or a HookedTransformer, not a {type(model).__name__} "
            f"(it has no {', '.join(missing)})"
        )
    must_be_at_rest(model)
    if tokenizer is None:
        tokenizer = getattr(model, "tokenizer", None)
    elif not callable(tokenizer) or not hasattr(tokenizer, "decode"):
        raise UserError(f"a tokenizer must be one of Hugging Face's, not a {type(tokenizer).__name__}")
    return LoadedModel(model, tokenizer or TokenIds(model.cfg.d_vocab), _info(model, prepend_bos))


def must_be_at_rest(model: Any) -> None:
    """UserError for a model in training mode, or with hooks on it (but a sparse gate's): they would be part of every number."""
    if model.training:
        raise UserError(
            "the model is in training mode, where dropout would change its answers; call model.eval() first"
        )
    hooked = [
        name or type(part).__name__
        for name, part in model.named_modules()
        if len(part._forward_hooks) + len(part._forward_pre_hooks) > own_hooks(model, name, part)
        or part._backward_hooks
        or part._backward_pre_hooks
    ]
    if hooked:
        raise UserError(
            f"the model has hooks of its own (at {', '.join(hooked[:3])}{' and more' if len(hooked) > 3 else ''}), which "
            "would be part of every number; take them off first (model.reset_hooks(including_permanent=True), or the "
            "handle's remove())"
        )


def _info(model: Any, prepend_bos: bool) -> ModelFound:
    cfg = model.cfg
    with torch.no_grad():
        weights = weights_sha256(model)
    sizes = sizes_of_hooked(model, cfg.original_architecture or type(model).__name__, cfg.model_name or "custom")
    return ModelFound(
        **sizes.plain(),
        source="python",
        origin="a HookedTransformer given in Python",
        dtype=str(cfg.dtype).removeprefix("torch."),
        device=str(cfg.device),
        prepend_bos=prepend_bos,
        processing={},
        weights_sha256=weights,
        sparse=None,
        checked_prompt="",
        logits_max_abs_diff=0.0,
    )
