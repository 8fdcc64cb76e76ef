"""A sparse checkpoint: a small adapter beside `sparse_attention.json`, which says what it belongs to.

The adapter is PEFT's (LoRA, safetensors). It is merged into the dense model, whose shape a sparse model keeps. It fits
one base model alone, known by the hash of its weights.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from interp.errors import UserError
from interp.results import atomic

ABOUT, WEIGHTS, ADAPTER = "sparse_attention.json", "adapter_model.safetensors", "adapter_config.json"


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
    about = read_checkpoint(folder)
    if about.base_weights_sha256 != base_hash:
        raise UserError(
            f"model.sparse.checkpoint: {folder} was made for {about.base} with weights {about.base_weights_sha256[:12]}, "
            f"but this base model's weights are {base_hash[:12]}; an adapter fits its own base model alone"
        )
    from peft import PeftModel

    try:
        load_file(folder / WEIGHTS)  # PEFT would fall back to pickles
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = PeftModel.from_pretrained(hf_model, str(folder)).merge_and_unload()
    except Exception as error:  # peft, safetensors and json each have errors of their own for damaged files
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"model.sparse.checkpoint: the adapter in {folder} cannot be read: {reason}") from None
    return model.eval()


def write_checkpoint(folder: Path, peft_model: Any, about: SparseCheckpoint) -> None:
    """Write adapter (float16) and description, each file atomically; the description last."""
    import peft

    # Half precision halves the file; what is evaluated and reported is this file, read back.
    state = {
        name: tensor.detach().to(torch.float16).cpu().contiguous()
        for name, tensor in peft.get_peft_model_state_dict(peft_model).items()
    }
    settings = peft_model.peft_config["default"].to_dict()
    # PEFT writes the path that the base model was read from, which means nothing elsewhere.
    settings |= {"base_model_name_or_path": about.base, "inference_mode": True, "revision": None}
    settings["target_modules"] = sorted(settings["target_modules"])
    with atomic.mendable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / (WEIGHTS + atomic.TEMPORARY)
        save_file(state, temporary, metadata={"format": "pt"})
        temporary.replace(folder / WEIGHTS)
    atomic.write_json(folder / ADAPTER, {name: _plain(value) for name, value in settings.items()})
    write_about(folder, about)


def write_about(folder: Path, about: SparseCheckpoint) -> None:
    """Write `sparse_attention.json` alone."""
    atomic.write_json(folder / ABOUT, asdict(about))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | list | dict):
        return value
    return str(getattr(value, "value", value))
