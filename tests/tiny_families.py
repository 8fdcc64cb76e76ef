"""A tiny random Hugging Face directory of every supported family, with what is peculiar to it switched on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

from tests.tiny_models import word_tokenizer, write_random

DECODER = {
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "max_position_embeddings": 32,
    "head_dim": 8,
}
NARROW = {key: value for key, value in DECODER.items() if key != "head_dim"}
UNGROUPED = {key: value for key, value in NARROW.items() if key != "num_key_value_heads"}
GPT = {"n_layer": 3, "n_head": 4, "n_embd": 32, "n_positions": 32}
WINDOW = 4  # tokens that a query sees, itself included: shorter than the tests' prompts
TYPES = ["sliding_attention", "full_attention", "sliding_attention"]
YARN = {"rope_type": "yarn", "rope_theta": 50.0, "factor": 4.0, "original_max_position_embeddings": 8}
LONGROPE = {"rope_type": "longrope", "short_factor": [1.0, 1.5, 2.0, 3.0], "long_factor": [4.0, 5.0, 6.0, 7.0]}
FALCON = {"num_hidden_layers": 3, "num_attention_heads": 4, "hidden_size": 32, "max_position_embeddings": 32}
TINY: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("gpt2", GPT),
    "llama": ("llama", DECODER),
    "mistral": ("mistral", {**DECODER, "sliding_window": WINDOW}),
    "mistral without a window": ("mistral", {**DECODER, "sliding_window": None, "head_dim": 10}),
    "qwen2": ("qwen2", {**NARROW, "tie_word_embeddings": True}),
    "qwen2 ungrouped, windows": (
        "qwen2",
        {**UNGROUPED, "num_key_value_heads": 4, "use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1},
    ),
    "qwen3": ("qwen3", {**DECODER, "head_dim": 12}),
    "gpt_neox": ("gpt_neox", UNGROUPED),
    "gpt_neox sequential": ("gpt_neox", {**UNGROUPED, "use_parallel_residual": False, "attention_bias": False}),
    "gemma": ("gemma", {**DECODER, "num_key_value_heads": 1, "head_dim": 16}),
    "gemma2": ("gemma2", {**DECODER, "sliding_window": WINDOW, "attn_logit_softcapping": 5.0, "final_logit_softcapping": 9.0}),
    "gemma3": ("gemma3_text", {**DECODER, "sliding_window": WINDOW, "layer_types": TYPES, "query_pre_attn_scalar": 11}),
    "olmo2": ("olmo2", NARROW),
    "olmo3": ("olmo3", {**NARROW, "sliding_window": WINDOW, "layer_types": TYPES, "rope_parameters": {"full_attention": YARN}}),
    "smollm3": ("smollm3", {**NARROW, "no_rope_layers": [1, 0, 1], "pad_token_id": 0}),
    "smollm3 with windows": (
        "smollm3",
        {**NARROW, "no_rope_layer_interval": 2, "use_sliding_window": True, "sliding_window": WINDOW, "pad_token_id": 0,
         "rope_parameters": YARN, "mlp_bias": True},
    ),
    "phi": ("phi", UNGROUPED),
    "phi3": ("phi3", {**NARROW, "sliding_window": WINDOW, "pad_token_id": 0}),
    "phi3 longrope": ("phi3", {**NARROW, "pad_token_id": 0, "max_position_embeddings": 64, "original_max_position_embeddings": 16,
                               "rope_parameters": LONGROPE}),
    "falcon": ("falcon", FALCON),
    "falcon, two norms": ("falcon", {**FALCON, "new_decoder_architecture": True, "num_kv_heads": 2, "bias": True}),
    "falcon, sequential": ("falcon", {**FALCON, "parallel_attn": False, "multi_query": False, "tie_word_embeddings": False}),
    "gptj": ("gptj", {**GPT, "rotary_dim": 4}),
    "opt": ("opt", {**UNGROUPED, "ffn_dim": 48}),
}  # fmt: skip
BY_HOOKS: dict[str, tuple[str, dict[str, Any]]] = {
    "bloom": ("bloom", {"n_layer": 3, "n_head": 4, "hidden_size": 32}),
    "mixtral": ("mixtral", {**DECODER, "num_local_experts": 3, "num_experts_per_tok": 2}),
    "gpt_oss": (
        "gpt_oss",
        {**DECODER, "num_local_experts": 3, "num_experts_per_tok": 2, "sliding_window": WINDOW, "layer_types": TYPES,
         "rope_parameters": {"rope_type": "default", "rope_theta": 1000.0}},
    ),
    "gpt_neo": (
        "gpt_neo",
        {"hidden_size": 32, "num_layers": 3, "num_heads": 4, "window_size": WINDOW, "max_position_embeddings": 32,
         "attention_types": [[["local", "global", "local"], 1]]},
    ),
    "olmoe": ("olmoe", {**NARROW, "num_experts": 4, "num_experts_per_tok": 2}),
}  # fmt: skip
# What TransformerLens 4 cannot build.
NEED_OLDER = ("gpt_neox sequential", "falcon, two norms")


def write_tiny(folder: Path, name: str, seed: int = 0, **changes: Any) -> Path:
    """A random model of one of TINY or BY_HOOKS, with a tokenizer of the project's words."""
    kind, sizes = (TINY | BY_HOOKS)[name]
    tokenizer = word_tokenizer()
    torch.manual_seed(seed)
    config = CONFIG_MAPPING[kind](**sizes | {"vocab_size": len(tokenizer)} | changes)
    return write_random(folder, AutoModelForCausalLM.from_config(config), tokenizer)
