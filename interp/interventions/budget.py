"""How much memory the engine may take, and what a sweep and the kept runs take of it, in bytes."""

from __future__ import annotations

from typing import Any

import psutil
import torch

from interp.interventions.cells import Dimensions

KEPT_SETS = 16  # prompt sets whose activations stay in memory, at most; running one again takes up to a second
KEPT_BYTES = 2**30  # and what they may take, where compute.memory_gb does not say less
# Tokens of one sweep. On a CPU 1,024, 2,048 and 4,096 took the same time within noise (SmolLM2, heads and edges, 1 and 16
# prompts); the numbers for GPUs are guesses.
TOKENS_AT_ONCE = {"cpu": 2048, "cuda": 32768, "mps": 8192}


def token_bytes(cfg: Any, sizes: Dimensions, n_tokens: int) -> int:
    """Rough memory that one token of a sweep takes, its share of attention over `n_tokens` positions included."""
    heads = (sizes.n_heads + 2 * sizes.n_kv_heads) * cfg.d_head
    return 4 * (8 * cfg.d_model + 5 * heads + 3 * (cfg.d_mlp or 0) + 4 * sizes.n_heads * n_tokens)


def base_run_bytes(cfg: Any, sizes: Dimensions, n_prompts: int, n_tokens: int) -> int:
    """What the clean and the corrupted run of a prompt set keep: every site of every layer that is not made anew.

    In float32 at least, also of a model in half precision (interp.interventions.precision).
    """
    heads = (2 * sizes.n_heads + 2 * sizes.n_kv_heads) * cfg.d_head + sizes.n_heads * n_tokens
    streams = 3 if getattr(cfg, "parallel_attn_mlp", False) else 2  # what a parallel MLP adds is kept, too
    width = sizes.n_layers * (streams * cfg.d_model + heads) + 2 * cfg.d_model
    return 2 * n_prompts * n_tokens * width * max(4, getattr(getattr(cfg, "dtype", None), "itemsize", 4))


def free_memory_gb(device: torch.device) -> float:
    """Memory that is free on a device (of the machine, for a CPU), in GiB."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] / 2**30
    return psutil.virtual_memory().available / 2**30
