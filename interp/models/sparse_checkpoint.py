"""A sparse checkpoint: a small adapter beside `sparse_attention.json`, which says what it belongs to.

The adapter is PEFT's (LoRA, safetensors). It is merged into the dense model, whose shape a sparse model keeps. It fits
one base model alone, known by the hash of its weights. Where all weights were trained, the file holds all of them.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from interp.errors import UserError
from interp.results import atomic

ABOUT, WEIGHTS, ADAPTER = "sparse_attention.json", "adapter_model.safetensors", "adapter_config.json"
WHOLE = "model.safetensors"


@dataclass(frozen=True)
class SparseCheckpoint:
    """What `sparse_attention.json` says. `trained` records how the checkpoint was made and what was measured."""

    bias: float
    base: str
    base_weights_sha256: str
    trained: dict[str, Any] = field(default_factory=dict)
    format: int = 1


def read_checkpoint(folder: Path) -> SparseCheckpoint:
    """The description of a checkpoint; UserError when the folder holds none."""
    path = folder / ABOUT
    if not path.is_file():
        raise UserError(f"model.sparse.checkpoint: {folder} holds no {ABOUT}, so it is no sparse checkpoint")
    try:
        found = SparseCheckpoint(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise UserError(f"model.sparse.checkpoint: {path} is damaged or of another kind") from None
    if found.format != 1:
        raise UserError(f"model.sparse.checkpoint: {path} has format {found.format}; this version reads format 1")
    return found


def merged(hf_model: Any, folder: Path, base_hash: str) -> Any:
    """The Hugging Face model with the checkpoint's adapter merged into its weights.

    `base_hash` is the hash of the dense weights (float32). Raises UserError when the adapter is of another base model,
    or damaged.
    """
    checked(folder, base_hash)
    try:
        return (_whole if (folder / WHOLE).is_file() else _adapted)(hf_model, folder).eval()
    except Exception as error:  # peft, safetensors, torch and json each have errors of their own for damaged files
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"model.sparse.checkpoint: the weights in {folder} cannot be read: {reason}") from None


def checked(folder: Path, base_hash: str) -> SparseCheckpoint:
    """The description of a checkpoint that was made for these dense weights; UserError when it was made for others."""
    about = read_checkpoint(folder)
    if about.base_weights_sha256 != base_hash:
        raise UserError(
            f"model.sparse.checkpoint: {folder} was made for {about.base} with weights {about.base_weights_sha256[:12]}, "
            f"but this base model's weights are {base_hash[:12]}; an adapter fits its own base model alone"
        )
    return about


def _adapted(hf_model: Any, folder: Path) -> Any:
    from peft import PeftModel

    load_file(folder / WEIGHTS)  # PEFT would fall back to pickles
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return PeftModel.from_pretrained(hf_model, str(folder)).merge_and_unload()


def _whole(hf_model: Any, folder: Path) -> Any:
    state = {name: tensor.float() for name, tensor in load_file(folder / WHOLE).items()}
    trained = {name for name, _ in hf_model.named_parameters()}  # tied weights are named once
    if missing := sorted(trained - state.keys()):
        raise ValueError(f"{missing[0]} is missing")
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
    adapter = peft.get_peft_model_state_dict(model)
    _save({name: one.detach().to(torch.float16).cpu().contiguous() for name, one in adapter.items()}, folder / WEIGHTS)
    settings = model.peft_config["default"].to_dict()
    # PEFT writes the path that the base model was read from, which means nothing elsewhere.
    settings |= {"base_model_name_or_path": about.base, "inference_mode": True, "revision": None}
    settings["target_modules"] = sorted(settings["target_modules"])
    atomic.write_json(folder / ADAPTER, {name: _plain(value) for name, value in settings.items()})


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
