"""Tiny models of both families in the benchmark's two forms."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.models import BenchmarkModel, random_gpt2

VOCAB, LENGTH = 31, 4


class TinyModel(BenchmarkModel):
    """Three layers of two heads; the Llama has one key-value head."""

    def _fresh(self):
        if self.name == "gpt2":
            return random_gpt2(n_layers=3, n_heads=2, d_model=16, vocab=VOCAB, std=0.35)
        torch.manual_seed(0)
        config = LlamaConfig(
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=3,
            num_attention_heads=2,
            num_key_value_heads=1,
            vocab_size=VOCAB,
            max_position_embeddings=16,
        )
        model = LlamaForCausalLM(config).eval().requires_grad_(False)
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.35) if parameter.ndim > 1 else parameter.normal_(1.0, 0.1)
        return model
