"""The models that are measured, each as a Hugging Face model and as a HookedTransformer with the same weights.

`smollm2` is the packaged SmolLM2-135M-Instruct; `gpt2` has GPT-2 small's shape and random weights, which cost the same
arithmetic as trained ones; `llama` has Llama's blocks in the size of a model of 1.4 billion parameters, for GPUs. Each
form is built when first asked for, so a contestant that needs one of the two does not pay for the other in memory.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import torch

from interp.models import PackagedModel, Processing
from interp.models.convert import hooked_transformer
from interp.models.load import load_dense

ModelName = Literal["gpt2", "smollm2", "llama"]

# Hugging Face's 0.02 makes attention nearly uniform and edge effects drown in rounding. With 0.05 single edges move the
# logit difference by a hundredth to some tenths of a logit, and rounding is not yet amplified.
WEIGHT_STD = 0.05
BIAS_STD = 0.1


class BenchmarkModel:
    """One model in both forms: `hf_for` (Hugging Face) and `hooked` (HookedTransformer), float32.

    Value biases stay in the values (`fold_value_biases` off): moving them would change what the edge term w_qk v_k is,
    and the edges could not be compared with libraries that see Hugging Face's own values.
    """

    def __init__(self, name: ModelName, n_layers: int = 12, device: str = "cpu") -> None:
        self.name = name
        self.device = device
        self._n_layers = n_layers
        self._hf: dict[str, Any] = {}

    def hf_for(self, who: str) -> Any:
        """The Hugging Face model, one for each library: pyvene removes the hooks of all others from its model."""
        if who not in self._hf:
            self._hf[who] = self._fresh()
        return self._hf[who]

    @cached_property
    def hooked(self) -> Any:
        """The HookedTransformer; converted from a fresh copy because the conversion may rewrite shared tensors."""
        processing = Processing(fold_value_biases=False)
        return hooked_transformer(self._fresh(), processing, torch.float32, self.device, self.name)[0]

    def _fresh(self) -> Any:
        if self.name == "smollm2":
            model = load_dense(PackagedModel(device="cpu")).hf_model.eval().requires_grad_(False)
        else:
            model = random_llama(self.device) if self.name == "llama" else random_gpt2(n_layers=self._n_layers)
        return model.to(self.device)


def random_gpt2(
    n_layers: int = 12, n_heads: int = 12, d_model: int = 768, vocab: int = 50257, std: float = WEIGHT_STD
) -> Any:
    """A Hugging Face GPT-2 with seeded random weights; biases and gains are random, too, so a lost one is noticed."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(n_layer=n_layers, n_head=n_heads, n_embd=d_model, vocab_size=vocab, n_positions=64)
    return randomised(GPT2LMHeadModel(config), std)


def random_llama(device: str, n_layers: int = 28) -> Any:
    """A Hugging Face Llama of 1.4 billion seeded random weights: Qwen 2.5 1.5B's layers and widths, a smaller vocabulary."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        num_hidden_layers=n_layers,
        hidden_size=1536,
        intermediate_size=8960,
        num_attention_heads=12,
        num_key_value_heads=2,
        vocab_size=32000,
        max_position_embeddings=64,
    )
    with torch.device(device):
        model = LlamaForCausalLM(config)
    return randomised(model, 0.03)


def randomised(model: Any, std: float) -> Any:
    """The model with seeded random weights: matrices, biases, and gains about 1."""
    model = model.eval().requires_grad_(False)
    generators: dict[str, torch.Generator] = {}
    for name, parameter in model.named_parameters():
        device = str(parameter.device)
        generator = generators.setdefault(device, torch.Generator(device).manual_seed(0))
        parameter.normal_(0.0, std if parameter.ndim > 1 else BIAS_STD, generator=generator)
        if "norm" in name or (".ln_" in name and name.endswith("weight")):
            parameter.add_(1.0)
    return model
