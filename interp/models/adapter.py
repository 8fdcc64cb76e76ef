"""Low-rank adapters (PEFT's LoRA) from a folder: settings by a schema, tensors from safetensors, held against the model.

PEFT gets settings and tensors and never the folder, where it would fall back on a pickle, read settings of every kind, and
leave at random what the file lacks.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from interp.configs.mistakes import in_words
from interp.errors import UserError
from interp.models.files import one_line, read_mapping
from interp.models.tensors import check_finite, check_fit, check_real, read_tensors, shapes_of

SETTINGS, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
RANK_AXIS = {"lora_A.weight": 0, "lora_B.weight": 1}


# Settings of PEFT's that leave alone what a finished adapter computes. Others, and those that PEFT is yet to add, are read
# only where they are switched off.
HARMLESS = frozenset(
    {
        *("task_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode"),
        *(
            "lora_dropout",
            "layers_pattern",
            "megatron_core",
            "qalora_group_size",
            "runtime_config",
            "ensure_weight_tying",
        ),
    }
)


class AdapterFile(BaseModel):
    """What of an adapter_config.json changes what the adapter computes; only plain LoRA is read."""

    model_config = ConfigDict(extra="allow", strict=True)

    peft_type: Literal["LORA"]
    r: int = Field(ge=1, le=1_000_000)
    lora_alpha: float = Field(gt=0, allow_inf_nan=False)
    target_modules: list[str] = Field(min_length=1)
    fan_in_fan_out: bool = False
    bias: Literal["none"] = "none"
    use_rslora: Literal[False] = False
    use_dora: Literal[False] = False
    lora_bias: Literal[False] = False
    rank_pattern: dict[str, Any] | None = Field(default=None, max_length=0)
    alpha_pattern: dict[str, Any] | None = Field(default=None, max_length=0)
    modules_to_save: None = None
    layers_to_transform: None = None
    layer_replication: None = None
    init_lora_weights: bool | Literal["gaussian", "orthogonal"] = True
    """Other ways to begin also change the weights of the base model."""

    @model_validator(mode="after")
    def _nothing_else(self) -> AdapterFile:
        for name, value in (self.model_extra or {}).items():
            if value and name not in HARMLESS:
                raise ValueError(
                    f"{name} is set, and only plain LoRA is read; merge the adapter with the tool that made it"
                )
        return self


@dataclass(frozen=True)
class Adapter:
    """An adapter as it lies in a folder. `where` begins the sentences about it."""

    settings: AdapterFile
    tensors: dict[str, torch.Tensor]
    where: str


def read_adapter(folder: Path, field: str) -> Adapter:
    """The adapter in a folder; UserError (naming the config's `field`) when it is missing, damaged or of another kind."""
    for name in (SETTINGS, WEIGHTS):
        if not (folder / name).is_file():
            pickled = "; pickles (.bin) are never loaded" if any(folder.glob("*.bin")) else ""
            raise UserError(f"{field}: the weights in {folder} cannot be read: there is no {name}{pickled}")
    data = read_mapping(folder / SETTINGS, field)
    try:
        settings = AdapterFile.model_validate(data)
    except ValidationError as error:
        raise UserError(
            f"{field}: {folder / SETTINGS} cannot be read: {'; '.join(in_words(error, data, AdapterFile))}"
        ) from None
    adapter = Adapter(settings, read_tensors([folder / WEIGHTS], field), f"{field}: the weights in {folder}")
    _check_rank(adapter)
    return adapter


def _check_rank(adapter: Adapter) -> None:
    """UserError when the tensors are not of the rank that the settings say, before PEFT lays out matrices of that rank."""
    ranks = {
        name: tensor.shape[axis]
        for name, tensor in adapter.tensors.items()
        for part, axis in RANK_AXIS.items()
        if name.endswith(part) and tensor.ndim == 2
    }
    if not ranks:
        raise UserError(f"{adapter.where} hold no low-rank matrices ({' and '.join(RANK_AXIS)})")
    for name, rank in sorted(ranks.items()):
        if rank != adapter.settings.r:
            raise UserError(
                f"{adapter.where} do not fit: {name} has rank {rank}, but {SETTINGS} says r: {adapter.settings.r}"
            )


def adapted(hf_model: Any, adapter: Adapter) -> Any:
    """The PEFT model of a Hugging Face model and an adapter that fits it exactly; UserError names what does not."""
    settings = adapter.settings
    try:
        model = low_rank(
            hf_model, settings.r, settings.lora_alpha, settings.target_modules, settings.fan_in_fan_out, seed=0
        )
    except ValueError as error:  # target modules that the model does not have
        raise UserError(f"{adapter.where} do not fit: {one_line(error)}") from None
    fill(model, adapter)
    return model


def low_rank(
    hf_model: Any, rank: int, alpha: float, modules: str | Sequence[str], fan_in_fan_out: bool, seed: int
) -> Any:
    """A PEFT model with a fresh adapter on the named modules."""
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=0.0,
        bias="none",
        target_modules=modules if isinstance(modules, str) else list(modules),
        fan_in_fan_out=fan_in_fan_out,
    )
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        return get_peft_model(hf_model, lora)


def fill(model: Any, adapter: Adapter) -> None:
    """Put an adapter's tensors into a PEFT model, in place; UserError when one is missing, strange, misshapen or NaN."""
    from peft import get_peft_model_state_dict, set_peft_model_state_dict

    check_fit(
        shapes_of(get_peft_model_state_dict(model, save_embedding_layers=False)),
        shapes_of(adapter.tensors),
        adapter.where,
    )
    check_real(adapter.tensors, adapter.where)
    check_finite(adapter.tensors, adapter.where)
    set_peft_model_state_dict(model, adapter.tensors)
