"""The model to train, with PEFT's LoRA or with all its weights, and its dense teacher."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.errors import UserError
from interp.models.adapter import fill, low_rank, read_adapter
from interp.models.gated_attention import Gate, attach, attention_layers
from interp.paths import user_path
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
        model = _with_lora(hf_model, config.adapter, seed)
        if config.begin is not None:
            _begin_with(model, user_path(config.begin, "training.begin"), config.adapter)

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
    names: Any = "all-linear"
    if adapter.layers == "attention":
        names = sorted({name for layer in attention_layers(hf_model) for name in _linear(layer)})
    return low_rank(hf_model, adapter.rank, adapter.alpha, names, hf_model.config.model_type == "gpt2", seed)


def _begin_with(model: Any, folder: Path, wanted: Lora) -> None:
    """Put an earlier run's adapter into the one that is to be trained; UserError when it is another kind of adapter."""
    found = read_adapter(folder, "training.begin")
    has = found.settings
    modules = set(model.peft_config["default"].target_modules)
    for what, theirs, ours in (
        ("rank", has.r, wanted.rank),
        ("alpha", has.lora_alpha, wanted.alpha),
        ("layers", sorted(has.target_modules), sorted(modules)),
    ):
        if theirs != ours:
            raise UserError(
                f"training.begin: the adapter in {folder} has {what} {theirs}, but training.adapter asks for {ours}; both "
                "must be the same"
            )
    fill(model, found)


def _linear(layer: Any) -> list[str]:
    """Names of the linear maps of an attention layer (torch's Linear, or the Conv1D of GPT-2)."""
    return [name for name, module in layer.named_children() if hasattr(module, "weight") and module.weight.ndim == 2]
