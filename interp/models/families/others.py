"""Families without a record: those that TransformerLens builds, those that cannot be measured here, and the nearest one."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Any

# Architecture -> a model of that architecture that TransformerLens knows, in whose place a directory is built.
# They run by TransformerLens' own blocks and hooks, more slowly, held against Hugging Face's logits like every model.
BY_TRANSFORMER_LENS = {
    "BloomForCausalLM": "bigscience/bloom-560m",
    "GPTNeoForCausalLM": "EleutherAI/gpt-neo-125M",
    "GptOssForCausalLM": "openai/gpt-oss-20b",
    "MixtralForCausalLM": "mistralai/Mixtral-8x7B-v0.1",
    "OlmoeForCausalLM": "allenai/OLMoE-1B-7B-0924",
}

_LINEAR = "its layers of linear attention have no weight from one token to another, so there are no edges to measure"
_LATENT = "its keys and values are made from one latent vector for all heads (MLA), so no head has an edge of its own"
_SHARED = "several of its layers share keys and values, so one edit would change several layers"
REFUSED = {
    **dict.fromkeys(("qwen3_next", "qwen3_5", "qwen3_5_text", "qwen3_5_moe", "kimi_linear", "minimax"), _LINEAR),
    **dict.fromkeys(("mamba", "mamba2", "falcon_mamba", "rwkv", "recurrent_gemma", "xlstm"), _LINEAR),
    **dict.fromkeys(
        ("jamba", "bamba", "zamba", "zamba2", "nemotron_h", "granitemoehybrid", "falcon_h1", "lfm2"), _LINEAR
    ),
    **dict.fromkeys(("deepseek_v2", "deepseek_v3", "minicpm3", "longcat_flash", "glm_moe_dsa"), _LATENT),
    **dict.fromkeys(("gemma3n", "gemma3n_text", "gemma4", "gemma4_text"), _SHARED),
    "olmo": "its queries, keys and values may be clipped (clip_qkv), which is not supported; OLMo 2 is",
    "gemma3": "it has eyes; of Gemma 3 the text models (gemma3_text) are supported",
}


def windows_without_record(config: Any) -> tuple[int | None, ...]:
    """How many positions each layer's queries see, of the families that TransformerLens builds; () where all see all."""
    kinds = getattr(config, "attention_layers", None) or getattr(config, "layer_types", None) or ()
    window = config.window_size if hasattr(config, "attention_layers") else getattr(config, "sliding_window", None)
    return tuple(window if kind in ("local", "sliding_attention") else None for kind in kinds)


# What a config's keys say of its blocks, for the sentence about an architecture that nobody here has met.
_SIGNS = {
    "a mixture of experts": ("num_experts", "num_local_experts", "n_routed_experts", "moe_intermediate_size"),
    "ALiBi positions": ("alibi",),
    "clipped queries, keys and values": ("clip_qkv",),
    "multipliers of its own": ("logit_scale", "residual_multiplier", "attention_multiplier", "embedding_multiplier"),
    "linear attention": ("linear_num_value_heads", "mamba_d_state", "ssm_cfg", "conv_kernel"),
    "latent keys and values": ("kv_lora_rank",),
}
_LOOKS = {
    "parallel_attn": "gpt_neox",
    "use_parallel_residual": "gpt_neox",
    "pre_feedforward_layernorm": "gemma2",
    "rms_norm_eps": "llama",
    "n_embd": "gpt2",
    "layer_norm_eps": "gpt_neox",
}


def why_not(config: Any, known: Collection[str]) -> str:
    """Why a Hugging Face config's model is not loaded, in one clause: the reason, or the nearest family and what it lacks."""
    kind = config.model_type
    if kind in REFUSED:
        return REFUSED[kind]
    near = next((family for key, family in _LOOKS.items() if getattr(config, key, None) is not None), None)
    near = next(iter(difflib.get_close_matches(kind, known, n=1, cutoff=0.75)), near)
    missing = [what for what, keys in _SIGNS.items() if any(getattr(config, key, None) for key in keys)]
    if near is None:
        return f"supported are {', '.join(sorted(known))}"
    lacks = f"what it has beyond that: {' and '.join(missing)}" if missing else "no record says how its blocks differ"
    return f"the nearest supported family is {near}; {lacks}"
