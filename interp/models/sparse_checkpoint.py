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
from jaxtyping import Float
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from interp.configs.literals import check_literal
from interp.errors import UserError
from interp.models.adapter import SETTINGS, WEIGHTS, adapted, read_adapter
from interp.models.config import GateKind
from interp.models.files import read_mapping
from interp.models.gated_attention import BIAS, FIRST_BIAS
from interp.models.svd_adapter import LowRank
from interp.models.tensors import WHOLE, check_finite, check_fit, check_real, headers_in, read_tensors, shapes_of
from interp.results import atomic

ABOUT = "sparse_attention.json"
FORMATS = (1, 2, 3)
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
HeadBias = tuple[tuple[Number, ...], ...] | None
"""Biases by layer and head, where there are any."""
# Numbers of `trained` that reports print.
MEASURED = ("density", "keys_a_query", "above_dense", "dense_loss", "context", "sequences")
FIELD = "model.sparse.checkpoint"


def _printable(trained: dict[str, Any]) -> dict[str, Any]:
    for name in MEASURED:
        if name in trained and not (type(trained[name]) in (int, float) and math.isfinite(trained[name])):
            raise ValueError(f"{name} must be a number, not {trained[name]!r}")
    return trained


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class SparseCheckpoint:
    """What `sparse_attention.json` says. `trained` records how the checkpoint was made and what was measured.

    `bias` belongs to every gate; `head_bias[layer][head]` comes on top of it where there is one, and where the key is the
    first one `first_bias[layer][head]` too, which format 2 did not have. Format 1 knew the gate on scores with one bias
    alone.
    """

    bias: Number
    base: str
    base_weights_sha256: str
    gate: GateKind = "score"
    head_bias: HeadBias = None
    first_bias: HeadBias = None
    trained: Annotated[dict[str, Any], AfterValidator(_printable)] = field(default_factory=dict)
    format: int = 3

    def __post_init__(self) -> None:
        check_literal(self.gate, GateKind, "kind of gate")


def read_checkpoint(folder: Path, field: str = FIELD) -> SparseCheckpoint:
    """The description of a checkpoint; UserError when the folder holds none."""
    path = folder / ABOUT
    if not path.is_file():
        raise UserError(f"{field}: {folder} holds no {ABOUT}, so it is no sparse checkpoint")
    data = read_mapping(path, field)
    if data.get("format", 1) not in FORMATS:
        raise UserError(f"{field}: {path} has format {data['format']!r}; this version reads formats 1 to 3")
    try:
        return TypeAdapter(SparseCheckpoint).validate_python(data)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:3])
        raise UserError(f"{field}: {path} is damaged or of another kind ({faults})") from None


def head_biases_for(
    about: SparseCheckpoint, folder: Path, n_layers: int, n_heads: int, field: str = FIELD
) -> tuple[Float[Tensor, "layer head"], Float[Tensor, "layer head"]]:
    """The learnt biases of the heads, and those for their first key (zeros where there are none).

    UserError when they are those of a model of another shape.
    """
    made = []
    for name, biases in (("head_bias", about.head_bias), ("first_bias", about.first_bias)):
        if biases is None:
            made.append(torch.zeros(n_layers, n_heads))
            continue
        sizes = {len(row) for row in biases}
        if len(biases) != n_layers or sizes != {n_heads}:
            shape = f"{len(biases)} layers of {' or '.join(map(str, sorted(sizes)))} heads"
            raise UserError(
                f"{field}: {name} in {folder / ABOUT} has {shape}, but the model has {n_layers} layers of {n_heads}"
            )
        made.append(torch.tensor(biases))
    return made[0], made[1]


def merged(hf_model: Any, folder: Path, base_hash: str, field: str = FIELD) -> Any:
    """The Hugging Face model with the checkpoint's adapter merged into its weights.

    `base_hash` is the hash of the dense weights (float32). Raises UserError when the adapter is of another base model,
    or damaged.
    """
    checked(folder, base_hash, field)
    if (folder / WHOLE).is_file():
        return _whole(hf_model, folder, field).eval()
    return adapted(hf_model, read_adapter(folder, field)).merge_and_unload().eval()


def look(folder: Path, field: str = FIELD) -> None:
    """UserError when a checkpoint is missing or damaged; whether it fits a model, only the model can tell."""
    read_checkpoint(folder, field)
    if (folder / WHOLE).is_file():
        headers_in([folder / WHOLE], field)
    else:
        read_adapter(folder, field)


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
    check_real(state, what)
    check_finite(state, what)
    hf_model.load_state_dict(state, strict=False)
    return hf_model


def write_adapter(folder: Path, adapter: LowRank, about: SparseCheckpoint) -> None:
    """Write an adapter (in float16) and the description, each file atomically; the description last."""
    with atomic.mendable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _write_low_rank(folder, adapter)
    write_about(folder, about)


def _write_low_rank(folder: Path, adapter: LowRank) -> None:
    tensors, settings = adapter
    # Half precision halves the file.
    _save(
        {name: tensor.detach().to(torch.float16).cpu().contiguous() for name, tensor in tensors.items()},
        folder / WEIGHTS,
    )
    atomic.write_json(folder / SETTINGS, settings)


def write_checkpoint(folder: Path, model: Any, about: SparseCheckpoint, adapter: LowRank | None = None) -> None:
    """Write the weights (an adapter in float16) and the description, each file atomically; the description last.

    `adapter` are tensors and settings that stand for the trained weights; without them those of PEFT's adapter are
    written, or all weights of a model without one. What is evaluated and reported is this file, read back, and not the
    model in memory.
    """
    with atomic.mendable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if adapter is None and hasattr(model, "peft_config"):
        adapter = _of_peft(model, about.base)
    if adapter is not None:
        _write_low_rank(folder, adapter)
    else:
        state = {
            name: parameter.detach().cpu().contiguous()
            for name, parameter in model.named_parameters()
            if not name.endswith((BIAS, FIRST_BIAS))
        }
        _save(state, folder / WHOLE)
    write_about(folder, about)


def _of_peft(model: Any, base: str) -> LowRank:
    import peft

    settings = model.peft_config["default"].to_dict()
    # PEFT writes the path that the base model was read from, which means nothing elsewhere.
    settings |= {"base_model_name_or_path": base, "inference_mode": True, "revision": None}
    settings["target_modules"] = sorted(settings["target_modules"])
    tensors = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
    return tensors, {name: _plain(value) for name, value in settings.items()}


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
