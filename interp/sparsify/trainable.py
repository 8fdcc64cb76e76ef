"""The model to train, with PEFT's LoRA, its attention weights or all its weights, and its dense teacher."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from interp.configs.paths import user_path
from interp.errors import UserError
from interp.models.adapter import adapted, fill, low_rank, read_adapter
from interp.models.gated_attention import BIAS, Gate, attach, attention_layers, set_head_bias
from interp.models.sparse_checkpoint import head_biases_for, read_checkpoint
from interp.models.svd_adapter import LowRank, difference
from interp.sparsify.config import AttentionWeights, GateConfig, Lora, Training
from interp.sparsify.teacher import Teacher

BEGIN = "training.begin"


@dataclass(frozen=True)
class Trainable:
    """The gated model, its teacher, and the dense model where it is another one."""

    model: Any
    gate: Gate
    teacher: Teacher
    mixed_precision: str
    dense: Any = None

    @property
    def hf_model(self) -> Any:
        """The Hugging Face model under an adapter, or without one."""
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

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
    return torch.bfloat16 if isinstance(config.adapter, Lora) and config.precision == "bfloat16" else torch.float32


def trainable(hf_model: Any, config: Training, gate_config: GateConfig, seed: int) -> Trainable:
    """Make a Hugging Face model, in `frozen_dtype` and on its device, trainable with the gate, in place."""
    gate = Gate(gate_config.scalar, gate_config.kind, gate_config.power, gate_config.temperature)
    biases, first = _biases(hf_model, config, gate_config)
    if isinstance(config.adapter, Lora):
        attach(hf_model, gate)
        # PEFT keeps the adapter in float32.
        model = _with_lora(hf_model, config.adapter, seed)
        if config.begin is not None:
            _begin_with(model, user_path(config.begin, BEGIN), config.adapter)
        set_head_bias(hf_model, biases, first)

        @contextmanager
        def dense() -> Iterator[None]:
            with model.disable_adapter(), gate.running("dense"):
                yield

        return Trainable(model, gate, Teacher(hf_model, dense), "no")
    kept = copy.deepcopy(hf_model).requires_grad_(False)
    if isinstance(config.adapter, AttentionWeights) and config.begin is not None:
        hf_model = adapted(hf_model, read_adapter(user_path(config.begin, BEGIN), BEGIN)).merge_and_unload()
    attach(hf_model, gate)
    if isinstance(config.adapter, AttentionWeights):
        hf_model.requires_grad_(False)
        for layer in attention_layers(hf_model):
            for name in linear(layer):
                getattr(layer, name).weight.requires_grad_(True)
    set_head_bias(hf_model, biases, first)
    return Trainable(hf_model, gate, Teacher(kept), "bf16" if config.precision == "bfloat16" else "no", kept)


def _biases(hf_model: Any, config: Training, gate: GateConfig) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Biases of the heads, and those for their first key, that training begins with; None where they are not learnt."""
    shape = hf_model.config.num_hidden_layers, hf_model.config.num_attention_heads
    biases, first = torch.zeros(shape), torch.full(shape, gate.first_bias or 0.0)
    if config.begin is not None:
        folder = user_path(config.begin, BEGIN)
        about = read_checkpoint(folder, BEGIN)
        if about.gate != gate.kind:
            raise UserError(f"{BEGIN}: {folder} has the gate {about.gate!r}, this run has {gate.kind!r}")
        # Where the bias of all heads is another one here, the heads' own make up for it.
        biases, first = head_biases_for(about, folder, *shape, BEGIN)
        biases = biases + (about.bias - gate.scalar)
        if biases.any() and not gate.learn_bias:
            raise UserError(f"{BEGIN}: {folder} has biases of its own; say gate.learn_bias: true and its gate.bias")
        if first.any() and gate.first_bias is None:
            raise UserError(
                f"{BEGIN}: {folder} has biases for the first token; give gate.first_bias, which they replace"
            )
    return biases if gate.learn_bias else None, first if gate.first_bias is not None else None


def exported(made: Trainable, config: Training) -> LowRank | None:
    """The trained attention weights as a low-rank adapter; None for other kinds of training, which need no step between."""
    if not isinstance(config.adapter, AttentionWeights):
        return None
    return difference(made.model, made.dense, attention_matrices(made.model), config.adapter.rank)


def learnt_biases(made: Trainable, name: str = BIAS) -> tuple[tuple[float, ...], ...] | None:
    """The biases of the heads (`FIRST_BIAS`: for their first key), where they were learnt."""
    layers = [getattr(layer, name, None) for layer in attention_layers(made.model)]
    biases = [tuple(bias.detach().tolist()) for bias in layers if bias is not None]
    return tuple(biases) or None


def attention_matrices(hf_model: Any) -> list[str]:
    """Whole names of the linear maps of all attention layers: GPT-2's attention and MLP both have a `c_proj`."""
    mine = {id(getattr(layer, name)) for layer in attention_layers(hf_model) for name in linear(layer)}
    return sorted(name for name, module in hf_model.named_modules() if id(module) in mine)


def linear(layer: Any) -> list[str]:
    """Names of the linear maps of an attention layer (torch's Linear, or the Conv1D of GPT-2)."""
    return [name for name, module in layer.named_children() if hasattr(module, "weight") and module.weight.ndim == 2]


def _with_lora(hf_model: Any, adapter: Lora, seed: int) -> Any:
    names: Any = "all-linear" if adapter.layers == "all" else attention_matrices(hf_model)
    return low_rank(hf_model, adapter.rank, adapter.alpha, names, hf_model.config.model_type == "gpt2", seed)


def _begin_with(model: Any, folder: Path, wanted: Lora) -> None:
    """Put an earlier run's adapter into the one that is to be trained; UserError when it is another kind of adapter."""
    adapter = read_adapter(folder, BEGIN)
    has = adapter.settings
    for what, theirs, ours in (("rank", has.r, wanted.rank), ("alpha", has.lora_alpha, wanted.alpha)):
        if theirs != ours:
            raise UserError(
                f"{BEGIN}: the adapter in {folder} has {what} {theirs}, but training.adapter asks for {ours}; both must be "
                "the same"
            )
    fill(model, adapter)
