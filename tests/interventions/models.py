"""Small random HookedTransformers and prompt sets for the engine's tests."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from interp.models.bridge import bridged
from interp.models.config import Processing
from interp.models.families import family_of
from interp.models.lens import has_hooked_transformer
from interp.prompts.pairs import PromptPair, PromptSet

VOCAB = 23
UNPROCESSED = Processing(fold_ln=False, center_writing_weights=False, center_unembed=False, fold_value_biases=False)


def random_model(family: str, seed: int = 0, d_vocab: int = VOCAB) -> Any:
    """`gpt2`: LayerNorm and learned positions; `llama`: RMS norm, rotary positions, grouped queries, gated MLP; `odd`: what
    neither has, rotary positions on a part of the head, in adjacent pairs, folded norms, scores scaled by the layer;
    `parallel`: the same with attention and MLP side by side."""
    if not has_hooked_transformer():
        return _random_bridge(family, seed, d_vocab)
    from transformer_lens import HookedTransformer, HookedTransformerConfig

    torch.manual_seed(seed)
    common = {
        "n_layers": 3,
        "d_model": 24,
        "d_head": 6,
        "n_heads": 4,
        "d_mlp": 32,
        "n_ctx": 16,
        "d_vocab": d_vocab,
        "init_weights": True,
        "seed": seed,
        "device": "cpu",
    }
    if family in ("odd", "parallel"):
        cfg = HookedTransformerConfig(
            **common,
            act_fn="gelu",
            normalization_type="LNPre",
            positional_embedding_type="rotary",
            rotary_dim=4,
            rotary_adjacent_pairs=True,
            scale_attn_by_inverse_layer_idx=True,
            parallel_attn_mlp=family == "parallel",
        )
    elif family == "gpt2":
        cfg = HookedTransformerConfig(**common, act_fn="gelu_new", normalization_type="LN")
    else:
        cfg = HookedTransformerConfig(
            **common,
            act_fn="silu",
            normalization_type="RMS",
            positional_embedding_type="rotary",
            rotary_dim=6,
            n_key_value_heads=2,
            gated_mlp=True,
        )
    model = HookedTransformer(cfg)
    with torch.no_grad():
        for parameter in model.parameters():
            # The default initialisation is so small that effects drown in rounding.
            parameter.copy_(torch.randn(parameter.shape) * 0.35)
            parameter.requires_grad_(False)
    return model.eval()


def _random_bridge(family: str, seed: int, d_vocab: int) -> Any:
    """The same on TransformerLens 4, around a model of Hugging Face's."""
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    if family == "gpt2":
        sizes = {"n_layer": 3, "n_embd": 24, "n_head": 4, "n_inner": 32, "n_positions": 16}
        model: Any = GPT2LMHeadModel(GPT2Config(vocab_size=d_vocab, **sizes))
    elif family == "llama":
        sizes = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
        sizes |= {"num_key_value_heads": 2, "head_dim": 6, "max_position_embeddings": 16}
        model = LlamaForCausalLM(LlamaConfig(vocab_size=d_vocab, **sizes))
    else:
        pytest.skip("TransformerLens 4 wraps models of Hugging Face, and none of them is like this")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.35)
    return bridged(model.eval(), family_of(model.config), UNPROCESSED, torch.float32, "cpu", family)[0]


def random_prompts(n_prompts: int = 4, n_tokens: int = 7, bos: int = 0, seed: int = 1) -> PromptSet:
    """Pairs that differ in one token at the role `key`; `wide` is a role of two positions."""
    generator = torch.Generator().manual_seed(seed)
    clean = torch.randint(1, VOCAB, (n_prompts, n_tokens + bos), generator=generator)
    clean[:, :bos] = 0
    corrupted = clean.clone()
    key, query = 3, n_tokens
    corrupted[:, key - 1 + bos] = (clean[:, key - 1 + bos] + 5) % (VOCAB - 1) + 1
    answer = torch.randint(0, VOCAB, (n_prompts,), generator=generator)
    pairs = tuple(
        PromptPair(f"clean {i}", f"corrupted {i}", "a", "b", "t", f"pair{i}", focus=i == 0) for i in range(n_prompts)
    )
    words = tuple(tuple(str(t) for t in row[bos:]) for row in clean.tolist())
    return PromptSet(
        name="t0",
        pairs=pairs,
        prompts=tuple(range(n_prompts)),
        clean=clean,
        corrupted=corrupted,
        answer=answer,
        foil=(answer + 3) % VOCAB,
        clean_tokens=words,
        corrupted_tokens=tuple(tuple(str(t) for t in row[bos:]) for row in corrupted.tolist()),
        roles={"key": (key,), "query": (query,), "wide": (2, 4)},
        bos=bos,
    )
