"""The model to train, with PEFT's LoRA or with all its weights, and its dense teacher."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.models.gated_attention import Gate, attach, attention_layers
from interp.sparsify.config import Lora, Training

Teacher = Callable[[Int[Tensor, "sequence pos"]], Float[Tensor, "sequence pos d_vocab"]]
"""Tokens -> the dense model's logits."""


@dataclass(frozen=True)
class Trainable:
    """The gated model and its teacher."""

    model: Any
    gate: Gate
    teacher: Teacher
    mixed_precision: str

    @contextmanager
    def untrained(self) -> Iterator[Any]:
        """The gated model with its dense weights."""
        if hasattr(self.model, "disable_adapter"):
            with self.model.disable_adapter():
                yield self.model
        else:
            yield self.model


def frozen_dtype(config: Training) -> torch.dtype:
    """What the dense weights are kept in: the training's precision where they are frozen, else float32."""
    return getattr(torch, config.precision) if isinstance(config.adapter, Lora) else torch.float32


def trainable(hf_model: Any, config: Training, bias: float, seed: int) -> Trainable:
    """Make a Hugging Face model, in `frozen_dtype` and on its device, trainable with the gate, in place."""
    gate = Gate(bias)
    if isinstance(config.adapter, Lora):
        attach(hf_model, gate)
        # PEFT keeps the adapter in float32.
        model = _with_lora(hf_model, config.adapter, seed) if config.begin is None else _from(hf_model, config.begin)

        def teacher(tokens: Tensor) -> Tensor:
            with model.disable_adapter(), gate.running("dense"):
                return model(tokens).logits

        return Trainable(model, gate, teacher, "no")
    dense = copy.deepcopy(hf_model).requires_grad_(False)
    attach(hf_model, gate)
    return Trainable(
        hf_model, gate, lambda tokens: dense(tokens).logits, "bf16" if config.precision == "bfloat16" else "no"
    )


def _with_lora(hf_model: Any, adapter: Lora, seed: int) -> Any:
    from peft import LoraConfig, get_peft_model

    names: Any = "all-linear"
    if adapter.layers == "attention":
        names = sorted({name for layer in attention_layers(hf_model) for name in _linear(layer)})
    lora = LoraConfig(
        r=adapter.rank, lora_alpha=adapter.alpha, lora_dropout=0.0, bias="none", target_modules=names,
        fan_in_fan_out=hf_model.config.model_type == "gpt2",
    )  # fmt: skip
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        return get_peft_model(hf_model, lora)


def _from(hf_model: Any, folder: str) -> Any:
    from peft import PeftModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return PeftModel.from_pretrained(hf_model, folder, is_trainable=True)


def _linear(layer: Any) -> list[str]:
    """Names of the linear maps of an attention layer (torch's Linear, or the Conv1D of GPT-2)."""
    return [name for name, module in layer.named_children() if hasattr(module, "weight") and module.weight.ndim == 2]
