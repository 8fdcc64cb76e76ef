"""Hugging Face model -> HookedTransformer, for the GPT-2 and Llama families.

TransformerLens converts the weights; its own loader is not used because it asks the hub even when a model is given. The
HookedTransformer gets no tokenizer: prompts are tokenised by interp.prompts, so there is one place that counts tokens.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

from interp.errors import UserError
from interp.models.config import Processing
from interp.models.info import Sizes

FAMILIES = ("GPT2LMHeadModel", "LlamaForCausalLM")


def sizes_of(config: Any, name: str) -> Sizes:
    """Sizes from a Hugging Face config; UserError for a family that is not supported."""
    architecture = architecture_of(config)
    if architecture == "GPT2LMHeadModel":
        d_mlp, kv, d_head, gated = (
            config.n_inner or 4 * config.n_embd,
            config.n_head,
            config.n_embd // config.n_head,
            False,
        )
        layers, heads, width, context = config.n_layer, config.n_head, config.n_embd, config.n_positions
    else:
        layers, heads, width = config.num_hidden_layers, config.num_attention_heads, config.hidden_size
        kv, d_mlp = config.num_key_value_heads or heads, config.intermediate_size
        d_head, context, gated = (
            getattr(config, "head_dim", None) or width // heads,
            config.max_position_embeddings,
            True,
        )
    return Sizes(name, architecture, layers, heads, kv, width, d_head, d_mlp, config.vocab_size, context, gated)


def supported(config: Any) -> bool:
    """Whether this module converts the model's family."""
    return _architecture(config) in FAMILIES


def _architecture(config: Any) -> Any:
    return (config.architectures or [None])[0] or {"gpt2": FAMILIES[0], "llama": FAMILIES[1]}.get(config.model_type)


def architecture_of(config: Any) -> str:
    """The architecture's class name; UserError when it is no supported one."""
    found = _architecture(config)
    if found not in FAMILIES:
        raise UserError(
            f"model architecture {found or config.model_type!r} is not supported from a directory; supported are "
            f"{' and '.join(FAMILIES)} (other families: source: hub)"
        )
    return str(found)


def hooked_transformer(
    hf_model: Any, processing: Processing, dtype: torch.dtype, device: str, name: str
) -> tuple[Any, dict[str, bool]]:
    """The HookedTransformer and the weight rewrites that took effect.

    The steps are those of TransformerLens' `load_and_process_state_dict`, except that the weights are copied into the
    model in one go and not by hundreds of walks over all modules: on SmolLM2 that is half of the loading time.
    """
    from transformer_lens import HookedTransformer
    from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights, convert_llama_weights
    from transformer_lens.weight_processing import ProcessWeights

    config = hf_model.config
    sizes = sizes_of(config, name)
    gpt2 = sizes.architecture == "GPT2LMHeadModel"
    cfg = _config(sizes, config, dtype, device)
    applied = {
        **processing.model_dump(),
        # RMS norm subtracts no mean, so centring the writing weights would change the model.
        "center_writing_weights": processing.center_writing_weights and gpt2,
        # Llama has no value biases to fold.
        "fold_value_biases": processing.fold_value_biases and gpt2,
    }
    convert = convert_gpt2_weights if gpt2 else convert_llama_weights
    state = {name: tensor.detach() for name, tensor in convert(hf_model, cfg).items()}
    # Neither family has one, but the bias of a folded last LayerNorm goes there.
    state.setdefault("unembed.b_U", torch.zeros(sizes.d_vocab, dtype=dtype))
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
    hooked.eval().requires_grad_(False)
    return hooked.to(device, print_details=False), applied


def _config(sizes: Sizes, config: Any, dtype: torch.dtype, device: str) -> Any:
    from transformer_lens import HookedTransformerConfig

    common: dict[str, Any] = {
        **{"n_layers": sizes.n_layers, "d_model": sizes.d_model, "n_ctx": sizes.n_ctx, "d_head": sizes.d_head},
        **{"n_heads": sizes.n_heads, "d_mlp": sizes.d_mlp, "d_vocab": sizes.d_vocab, "model_name": sizes.name},
        **{"dtype": dtype, "device": device, "init_weights": False, "original_architecture": sizes.architecture},
    }
    if sizes.architecture == "GPT2LMHeadModel":
        _only(config.activation_function == "gelu_new", "activation_function", config.activation_function)
        _only(config.scale_attn_weights, "scale_attn_weights", config.scale_attn_weights)
        by_layer = config.scale_attn_by_inverse_layer_idx
        _only(not by_layer, "scale_attn_by_inverse_layer_idx", by_layer)
        return HookedTransformerConfig(
            **common, act_fn="gelu_new", normalization_type="LN", eps=config.layer_norm_epsilon
        )
    rope = getattr(config, "rope_parameters", None) or {}
    kind = rope.get("rope_type", "default")
    _only(kind == "default", "rope_scaling", kind)
    _only(config.hidden_act == "silu", "hidden_act", config.hidden_act)
    _only(not config.attention_bias, "attention_bias", config.attention_bias)
    _only(not config.mlp_bias, "mlp_bias", config.mlp_bias)
    return HookedTransformerConfig(
        **common,
        act_fn="silu",
        normalization_type="RMS",
        eps=config.rms_norm_eps,
        positional_embedding_type="rotary",
        rotary_dim=sizes.d_head,
        rotary_base=int(rope.get("rope_theta", getattr(config, "rope_theta", 10000))),
        rotary_adjacent_pairs=False,
        n_key_value_heads=sizes.n_kv_heads if sizes.n_kv_heads != sizes.n_heads else None,
        gated_mlp=True,
        final_rms=True,
    )


def _only(fine: bool, field: str, value: object) -> None:
    if not fine:
        raise UserError(f"the model's config has {field} = {value!r}, which is not supported from a directory")
