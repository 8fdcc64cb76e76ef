"""A sparse checkpoint: a small adapter beside `sparse_attention.json`, which says what it belongs to.

The adapter is PEFT's (LoRA, safetensors). It is merged into the dense model, whose shape a sparse model keeps. It fits
one base model alone, known by the hash of its weights. Where all weights were trained, the file holds all of them.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from safetensors import SafetensorError
from safetensors.torch import save_file

from interp.errors import UserError
from interp.models.adapter import SETTINGS, WEIGHTS, adapted, read_adapter
from interp.models.files import read_mapping
from interp.models.tensors import WHOLE, check_finite, check_fit, read_tensors, shapes_of
from interp.results import atomic

ABOUT = "sparse_attention.json"
MEASURED = ("density", "above_dense", "dense_loss", "context", "sequences")  # numbers of `trained` that reports print
FIELD = "model.sparse.checkpoint"


def _printable(trained: dict[str, Any]) -> dict[str, Any]:
    for name in MEASURED:
        if name in trained and not (type(trained[name]) in (int, float) and math.isfinite(trained[name])):
            raise ValueError(f"{name} must be a number, not {trained[name]!r}")
    return trained


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class SparseCheckpoint:
    """What `sparse_attention.json` says. `trained` records how the checkpoint was made and what was measured."""

    bias: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    base: str
    base_weights_sha256: str
    trained: Annotated[dict[str, Any], AfterValidator(_printable)] = field(default_factory=dict)
    format: int = 1


def read_checkpoint(folder: Path, field: str = FIELD) -> SparseCheckpoint:
    """The description of a checkpoint; UserError when the folder holds none."""
    path = folder / ABOUT
    if not path.is_file():
        raise UserError(f"{field}: {folder} holds no {ABOUT}, so it is no sparse checkpoint")
    data = read_mapping(path, field)
    if data.get("format", 1) != 1:
        raise UserError(f"{field}: {path} has format {data['format']!r}; this version reads format 1")
    try:
        return TypeAdapter(SparseCheckpoint).validate_python(data)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
        raise UserError(f"{field}: {path} is damaged or of another kind ({faults})") from None


def merged(hf_model: Any, folder: Path, base_hash: str, field: str = FIELD) -> Any:
    """The Hugging Face model with the checkpoint's adapter merged into its weights.

    `base_hash` is the hash of the dense weights (float32). Raises UserError when the adapter is of another base model,
    or damaged.
    """
    checked(folder, base_hash, field)
    if (folder / WHOLE).is_file():
        return _whole(hf_model, folder, field).eval()
    return adapted(hf_model, read_adapter(folder, field)).merge_and_unload().eval()


def checked(folder: Path, base_hash: str, field: str = FIELD) -> SparseCheckpoint:
    """The description of a checkpoint that was made for these dense weights; UserError when it was made for others."""
    about = read_checkpoint(folder, field)
    if about.base_weights_sha256 != base_hash:
        raise UserError(
            f"{field}: {folder} was made for {about.base} with weights {about.base_weights_sha256[:12]}, "
            f"but this base model's weights are {base_hash[:12]}; an adapter fits its own base model alone"
        )
    return about


def _whole(hf_model: Any, folder: Path, field: str) -> Any:
    state, what = read_tensors([folder / WHOLE], field), f"{field}: the weights in {folder}"
    check_fit(shapes_of(dict(hf_model.named_parameters())), shapes_of(state), what)  # tied weights are named once
    check_finite(state, what)
    hf_model.load_state_dict(state, strict=False)
    return hf_model


def write_checkpoint(folder: Path, model: Any, about: SparseCheckpoint) -> None:
    """Write the weights (an adapter in float16) and the description, each file atomically; the description last.

    What is evaluated and reported is this file, read back, and not the model in memory.
    """
    with atomic.mendable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if hasattr(model, "peft_config"):
        _write_adapter(folder, model, about)
    else:
        state = {name: parameter.detach().cpu().contiguous() for name, parameter in model.named_parameters()}
        _save(state, folder / WHOLE)
    write_about(folder, about)


def _write_adapter(folder: Path, model: Any, about: SparseCheckpoint) -> None:
    import peft

    # Half precision halves the file.
    adapter = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
    _save({name: one.detach().to(torch.float16).cpu().contiguous() for name, one in adapter.items()}, folder / WEIGHTS)
    settings = model.peft_config["default"].to_dict()
    # PEFT writes the path that the base model was read from, which means nothing elsewhere.
    settings |= {"base_model_name_or_path": about.base, "inference_mode": True, "revision": None}
    settings["target_modules"] = sorted(settings["target_modules"])
    atomic.write_json(folder / SETTINGS, {name: _plain(value) for name, value in settings.items()})


def _save(state: dict[str, torch.Tensor], path: Path) -> None:
    temporary = path.with_name(path.name + atomic.TEMPORARY)
    with atomic.mendable(path.parent):
        try:
            save_file(state, temporary, metadata={"format": "pt"})
        except SafetensorError as error:  # its own error for a full disk
            raise OSError(str(error)) from error
        temporary.replace(path)


def write_about(folder: Path, about: SparseCheckpoint) -> None:
    """Write `sparse_attention.json` alone."""
    atomic.write_json(folder / ABOUT, asdict(about))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | list | dict):
        return value
    return str(getattr(value, "value", value))
