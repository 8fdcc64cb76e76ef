"""Hugging Face model -> HookedTransformer, for the families that have a record in interp.models.families.

TransformerLens rewrites the weights; its own loader is not used because it asks the hub even when a model is given. The
HookedTransformer gets no tokenizer: prompts are tokenised by interp.prompts, so there is one place that counts tokens.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from interp.analysis.findings_of_run import Sizes
from interp.models.bridge import bridged
from interp.models.config import Processing
from interp.models.families import family_of
from interp.models.families.anatomy import Anatomy
from interp.models.families.weights import blocks, embeddings
from interp.models.heap import give_back
from interp.models.lens import has_hooked_transformer
from interp.models.rewrites import block_rewritten, embeddings_rewritten
from interp.models.rotary_tables import give_tables


def sizes_of(config: Any, name: str) -> Sizes:
    """Sizes from a Hugging Face config; UserError for a family that is not supported."""
    family = family_of(config)
    return family.anatomy(config).sizes(name, family.architecture)


def hooked_transformer(
    hf_model: Any, processing: Processing, dtype: torch.dtype, device: str, name: str
) -> tuple[Any, dict[str, bool]]:
    """The HookedTransformer and the weight rewrites that took effect. The Hugging Face model is used up: it loses its weights.

    The steps are those of TransformerLens' `load_and_process_state_dict`, except that a block's weights are let go when the
    HookedTransformer's are made from them, which become its parameters without another copy.
    """
    family = family_of(hf_model.config)
    if not has_hooked_transformer():
        return bridged(hf_model, family, processing, dtype, device, name)
    anatomy, parts = family.anatomy(hf_model.config), family.parts_of(hf_model.config)
    cfg = _config(anatomy, family.architecture, dtype, device, name)
    applied = {what: asked and what in anatomy.rewrites for what, asked in processing.model_dump().items()}
    tensors, tied = dict(hf_model.state_dict()), hf_model.config.tie_word_embeddings
    hf_model.to("meta")
    state: dict[str, torch.Tensor] = {}
    for layer, block in enumerate(blocks(tensors, parts, anatomy)):
        for part, tensor in block_rewritten(block, cfg, applied).items():
            state[f"blocks.{layer}.{part}"] = _laid_out(tensor, dtype, device)
        give_back()
    last = embeddings(tensors, parts, anatomy, tied)
    tensors.clear()
    last = embeddings_rewritten(last, cfg, applied, anatomy.embed_scale)
    while last:
        part, tensor = last.popitem()
        state[part] = _laid_out(tensor, dtype, device)
    if applied["fold_ln"]:
        cfg.normalization_type = f"{cfg.normalization_type}Pre"  # only centres and scales
    hooked = _empty(cfg)
    if "blocks.0.mlp.b_gate" in state:
        from interp.models.biased_mlp import give_mlp_biases

        give_mlp_biases(hooked)
    give_tables(hooked, anatomy.rotary)
    own = {name: parameter.dtype for name, parameter in hooked.named_parameters()}
    if absent := own.keys() - state.keys():
        raise RuntimeError(f"the family's record left out {sorted(absent)}")
    state = {name: tensor.to(own[name]) for name, tensor in state.items() if name in own}
    hooked.load_state_dict(state, strict=False, assign=True)
    hooked.eval().requires_grad_(False)
    return hooked.to(device, print_details=False), applied


def _laid_out(tensor: torch.Tensor, dtype: torch.dtype, device: str) -> torch.Tensor:
    """A tensor on the device, in the order in which TransformerLens keeps it, and in memory that no other uses."""
    laid = tensor.to(dtype=dtype, device=device)
    whole = laid.is_contiguous() and laid.untyped_storage().nbytes() == laid.nbytes and laid.ndim > 1
    return laid if whole else laid.clone(memory_format=torch.contiguous_format)


def _config(anatomy: Anatomy, architecture: str, dtype: torch.dtype, device: str, name: str) -> Any:
    from transformer_lens import HookedTransformerConfig

    return HookedTransformerConfig(
        **anatomy.settings(),
        model_name=name,
        dtype=dtype,
        device=device,
        init_weights=False,
        original_architecture=architecture,
    )


def _empty(cfg: Any) -> Any:
    """A HookedTransformer whose weights are still to come, and take no memory until then."""
    from transformer_lens import HookedTransformer

    with warnings.catch_warnings(), _Unallocated():
        # The last line of TransformerLens that has the class says so at every construction; the project knows.
        warnings.filterwarnings("ignore", "HookedTransformer is deprecated", DeprecationWarning)
        return HookedTransformer(cfg, move_to_device=False)


class _Unallocated(TorchFunctionMode):
    """Within it `torch.empty` gives tensors that have a shape and no memory. (Tables and buffers come from other functions.)"""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        return made.to("meta") if function is torch.empty and made.numel() else made
