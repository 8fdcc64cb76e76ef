"""A model of given sizes with random weights and few layers: for timing the engine where the real one is not needed."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from interp.analysis.findings_of_run import Sizes
from interp.models.lens import has_hooked_transformer

FEW_TOKENS = 64


def stand_in(sizes: Sizes, n_layers: int, device: str = "cpu") -> Any:
    """A HookedTransformer (float32) of `n_layers` pre-norm blocks of these sizes, whose vocabulary is small.

    Rotary positions and a gated MLP, or learned positions and a plain one, as the sizes say.
    """
    if not has_hooked_transformer():
        return _bridge(sizes, n_layers, device)
    from transformer_lens import HookedTransformer, HookedTransformerConfig

    common: dict[str, Any] = {
        "n_layers": n_layers,
        "d_model": sizes.d_model,
        "d_head": sizes.d_head,
        "n_heads": sizes.n_heads,
        "d_mlp": sizes.d_mlp,
        "n_ctx": min(sizes.n_ctx, 128),
        "d_vocab": FEW_TOKENS,
        "init_weights": True,
        "seed": 0,
        "device": device,
    }
    gated = {
        "act_fn": "silu",
        "normalization_type": "RMS",
        "positional_embedding_type": "rotary",
        "rotary_dim": sizes.d_head,
        "n_key_value_heads": sizes.n_kv_heads,
        "gated_mlp": True,
    }
    plain = {"act_fn": "gelu_new", "normalization_type": "LN"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "HookedTransformer is deprecated", DeprecationWarning)
        with torch.random.fork_rng(devices=[]):
            return HookedTransformer(HookedTransformerConfig(**common, **(gated if sizes.gated_mlp else plain))).eval()


def _bridge(sizes: Sizes, n_layers: int, device: str) -> Any:
    """The same from TransformerLens 4: a Llama or a GPT-2 of these sizes."""
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    from interp.models.bridge import bridged
    from interp.models.config import Processing
    from interp.models.families import family_of

    n_ctx = min(sizes.n_ctx, 128)
    with torch.random.fork_rng(devices=[]):
        if sizes.gated_mlp:
            model: Any = LlamaForCausalLM(
                LlamaConfig(
                    vocab_size=FEW_TOKENS,
                    hidden_size=sizes.d_model,
                    intermediate_size=sizes.d_mlp,
                    num_hidden_layers=n_layers,
                    num_attention_heads=sizes.n_heads,
                    num_key_value_heads=sizes.n_kv_heads,
                    head_dim=sizes.d_head,
                    max_position_embeddings=n_ctx,
                )
            )
        else:
            model = GPT2LMHeadModel(
                GPT2Config(
                    vocab_size=FEW_TOKENS,
                    n_embd=sizes.n_heads * sizes.d_head,
                    n_inner=sizes.d_mlp,
                    n_layer=n_layers,
                    n_head=sizes.n_heads,
                    n_positions=n_ctx,
                )
            )
    plain = Processing(fold_ln=False, center_writing_weights=False, center_unembed=False, fold_value_biases=False)
    return bridged(model.eval(), family_of(model.config), plain, torch.float32, device, "a stand-in")[0]
