"""Hugging Face model -> HookedTransformer, for the families that have a record in interp.models.families.

TransformerLens rewrites the weights; its own loader is not used because it asks the hub even when a model is given. The
HookedTransformer gets no tokenizer: prompts are tokenised by interp.prompts, so there is one place that counts tokens.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

from interp.analysis.findings_of_run import Sizes
from interp.models.bridge import bridged
from interp.models.config import Processing
from interp.models.families import family_of
from interp.models.families.anatomy import Anatomy
from interp.models.families.weights import state_of
from interp.models.lens import has_hooked_transformer
from interp.models.rotary_tables import give_tables


def sizes_of(config: Any, name: str) -> Sizes:
    """Sizes from a Hugging Face config; UserError for a family that is not supported."""
    family = family_of(config)
    return family.anatomy(config).sizes(name, family.architecture)


def hooked_transformer(
    hf_model: Any, processing: Processing, dtype: torch.dtype, device: str, name: str
) -> tuple[Any, dict[str, bool]]:
    """The HookedTransformer and the weight rewrites that took effect.

    The steps are those of TransformerLens' `load_and_process_state_dict`, except that the weights are copied into the
    model in one go and not by hundreds of walks over all modules: on SmolLM2 that is half of the loading time.
    """
    family = family_of(hf_model.config)
    if not has_hooked_transformer():
        return bridged(hf_model, family, processing, dtype, device, name)
    from transformer_lens.weight_processing import ProcessWeights

    anatomy = family.anatomy(hf_model.config)
    cfg = _config(anatomy, family.architecture, dtype, device, name)
    applied = {what: asked and what in anatomy.rewrites for what, asked in processing.model_dump().items()}
    state = state_of(
        hf_model.state_dict(), family.parts_of(hf_model.config), anatomy, hf_model.config.tie_word_embeddings
    )
    state = ProcessWeights.process_weights(state, cfg, **applied)
    if applied["fold_ln"]:
        cfg.normalization_type = f"{cfg.normalization_type}Pre"  # only centres and scales
    hooked = _empty(cfg)
    if "blocks.0.mlp.b_gate" in state:
        from interp.models.biased_mlp import give_mlp_biases

        give_mlp_biases(hooked)
    give_tables(hooked, anatomy.rotary)
    absent = set(hooked.load_state_dict(state, strict=False).missing_keys) & dict(hooked.named_parameters()).keys()
    if absent:
        raise RuntimeError(f"the family's record left out {sorted(absent)}")
    hooked.eval().requires_grad_(False)
    return hooked.to(device, print_details=False), applied


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
    """A HookedTransformer whose weights are still to come."""
    from transformer_lens import HookedTransformer

    with warnings.catch_warnings():
        # The last line of TransformerLens that has the class says so at every construction; the project knows.
        warnings.filterwarnings("ignore", "HookedTransformer is deprecated", DeprecationWarning)
        return HookedTransformer(cfg)
