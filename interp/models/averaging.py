"""The weighted mean of sparse checkpoints of one training run: weights between two stages, where neither was trained.

Averaging the weights along a run often gives a better model than its end (Izmailov et al. 2018, arXiv 1803.05407). The
factors of the low-rank adapters are averaged, and the gates' biases; it is meant for checkpoints one of which goes on from
the other, since factors of separate runs have nothing to do with each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from interp.errors import UserError
from interp.models.adapter import read_adapter
from interp.models.sparse_checkpoint import HeadBias, SparseCheckpoint, read_checkpoint, write_adapter

FIELD = "average"


def average(target: Path, parts: Mapping[Path, float], bias: float | None = None) -> SparseCheckpoint:
    """Write the mean of the checkpoints in some folders, each with its weight, to a folder, and return its description.

    `bias` is that of all heads in the mean (None: as in the parts). Raises UserError when the weights do not sum to 1, or
    when the checkpoints have another base, gate, bias, shape, rank or alpha.
    """
    if not parts or not math.isclose(sum(parts.values()), 1, abs_tol=1e-9):
        raise UserError(f"{FIELD}: the weights of the checkpoints are {list(parts.values())}; they must sum to 1")
    abouts = {folder: read_checkpoint(folder, FIELD) for folder in parts}
    adapters = {folder: read_adapter(folder, FIELD) for folder in parts}
    first, about, adapter = next((folder, abouts[folder], adapters[folder]) for folder in parts)
    for folder in parts:
        other, theirs = abouts[folder], adapters[folder]
        same = {
            "base": (about.base_weights_sha256, other.base_weights_sha256),
            "gate": (about.gate, other.gate),
            "bias": (about.bias, other.bias),
            "biases of heads": (_shape(about.head_bias), _shape(other.head_bias)),
            "biases for the first token": (_shape(about.first_bias), _shape(other.first_bias)),
            "rank and alpha": (_scale(adapter.settings), _scale(theirs.settings)),
            "tensors": (_shapes(adapter.tensors), _shapes(theirs.tensors)),
        }
        for what, (ours, its) in same.items():
            if ours != its:
                raise UserError(
                    f"{FIELD}: {first} and {folder} differ in their {what}; give stages of one training run"
                )
    tensors = {
        name: torch.stack([weight * adapters[folder].tensors[name].float() for folder, weight in parts.items()]).sum(0)
        for name in adapter.tensors
    }
    made = replace(
        about,
        bias=about.bias if bias is None else bias,
        head_bias=_mean([(abouts[folder].head_bias, weight) for folder, weight in parts.items()]),
        first_bias=_mean([(abouts[folder].first_bias, weight) for folder, weight in parts.items()]),
        trained={
            "averaged": [{**abouts[folder].trained, "weight": weight} for folder, weight in parts.items()],
            "trained_bias": about.bias,
        },
    )
    write_adapter(target, (tensors, adapter.settings.model_dump(exclude_none=True)), made)
    return made


def _mean(biases: list[tuple[HeadBias, float]]) -> HeadBias:
    given = [(rows, weight) for rows, weight in biases if rows is not None]
    if not given:
        return None
    shape = given[0][0]
    return tuple(
        tuple(sum(weight * rows[layer][head] for rows, weight in given) for head in range(len(row)))
        for layer, row in enumerate(shape)
    )


def _shape(biases: HeadBias) -> tuple[int, ...] | None:
    return None if biases is None else tuple(map(len, biases))


def _scale(settings: Any) -> tuple[int, float]:
    return settings.r, settings.lora_alpha


def _shapes(tensors: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
