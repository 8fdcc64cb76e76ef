"""Hugging Face model -> HookedTransformer, for the families that have a record in interp.models.families.

TransformerLens converts the weights; its own loader is not used because it asks the hub even when a model is given. The
HookedTransformer gets no tokenizer: prompts are tokenised by interp.prompts, so there is one place that counts tokens.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

from interp.models.config import Processing
from interp.models.families import family_of
from interp.models.families.record import Family
from interp.models.info import Sizes


def sizes_of(config: Any, name: str) -> Sizes:
    """Sizes from a Hugging Face config; UserError for a family that is not supported."""
    return family_of(config).sizes(config, name)


def hooked_transformer(
    hf_model: Any, processing: Processing, dtype: torch.dtype, device: str, name: str
) -> tuple[Any, dict[str, bool]]:
    """The HookedTransformer and the weight rewrites that took effect.

    The steps are those of TransformerLens' `load_and_process_state_dict`, except that the weights are copied into the
    model in one go and not by hundreds of walks over all modules: on SmolLM2 that is half of the loading time.
    """
    from transformer_lens import HookedTransformer
    from transformer_lens.weight_processing import ProcessWeights

    family = family_of(hf_model.config)
    cfg = _config(family, hf_model.config, dtype, device, name)
    applied = {what: asked and what in family.rewrites for what, asked in processing.model_dump().items()}
    state = {name: tensor.detach() for name, tensor in family.state(hf_model, cfg).items()}
    # Most have none, but the bias of a folded last LayerNorm goes there.
    state.setdefault("unembed.b_U", torch.zeros(cfg.d_vocab, dtype=dtype))
    state = ProcessWeights.process_weights(state, cfg, **applied)
    if applied["fold_ln"]:
        cfg.normalization_type = f"{cfg.normalization_type}Pre"  # only centres and scales
    with warnings.catch_warnings():
        # The last line of TransformerLens that has the class says so at every construction; the project knows.
        warnings.filterwarnings("ignore", "HookedTransformer is deprecated", DeprecationWarning)
        hooked = HookedTransformer(cfg)
    absent = set(hooked.load_state_dict(state, strict=False).missing_keys) & dict(hooked.named_parameters()).keys()
    if absent:
        raise RuntimeError(f"TransformerLens' converter left out {sorted(absent)}")
    family.finish(hooked, hf_model)
    hooked.eval().requires_grad_(False)
    return hooked.to(device, print_details=False), applied


def _config(family: Family, config: Any, dtype: torch.dtype, device: str, name: str) -> Any:
    from transformer_lens import HookedTransformerConfig

    sizes = family.sizes(config, name)
    return HookedTransformerConfig(
        n_layers=sizes.n_layers,
        d_model=sizes.d_model,
        n_ctx=sizes.n_ctx,
        d_head=sizes.d_head,
        n_heads=sizes.n_heads,
        d_mlp=sizes.d_mlp,
        d_vocab=sizes.d_vocab,
        model_name=sizes.name,
        dtype=dtype,
        device=device,
        init_weights=False,
        original_architecture=sizes.architecture,
        **family.settings(config),
    )
