"""Tiny models with a gate: Hugging Face's, as in training, and HookedTransformers, as in analysis."""

from __future__ import annotations

import torch

from interp.models import DirectoryModel, load_model
from interp.models.config import Processing, SparseModel
from interp.models.directory import read_config, read_model
from interp.models.gated_attention import Gate, attach
from tests.tiny_models import write_tiny_gpt2, write_tiny_llama

WRITERS = {"gpt2": write_tiny_gpt2, "llama": write_tiny_llama}


def tokens(seed=0):
    return torch.randint(2, 100, (3, 11), generator=torch.Generator().manual_seed(seed))


def hf(folder, bias, kind="score"):
    model = read_model(folder, read_config(folder), torch.float32)
    gate = Gate(bias, kind)
    attach(model, gate)
    return model, gate


def hooked(folder, bias, kind="score", **processing):
    sparse = SparseModel(bias=bias, gate=kind)
    return load_model(DirectoryModel(path=str(folder), sparse=sparse, processing=Processing(**processing))).hooked


def plain(logits):
    return logits - logits.mean(-1, keepdim=True)
