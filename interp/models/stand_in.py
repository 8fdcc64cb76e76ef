"""A model of given sizes with random weights and few layers: for timing the engine where the real one is not needed."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from interp.analysis.findings_of_run import Sizes

FEW_TOKENS = 64


def stand_in(sizes: Sizes, n_layers: int, device: str = "cpu") -> Any:
    """A HookedTransformer (float32) of `n_layers` pre-norm blocks of these sizes, whose vocabulary is small.

    Rotary positions and a gated MLP, or learned positions and a plain one, as the sizes say.
    """
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
