"""The families that this project converts itself: one record each, looked up by architecture."""

from __future__ import annotations

from typing import Any

from interp.errors import UserError
from interp.models.families import (
    falcon,
    gemma,
    gemma2,
    gemma3,
    gpt2,
    gpt_neox,
    gptj,
    llama,
    mistral,
    olmo2,
    olmo3,
    opt,
    phi,
    phi3,
    qwen2,
    qwen3,
    smollm3,
)
from interp.models.families.others import BY_TRANSFORMER_LENS, why_not
from interp.models.families.record import Family

_MODULES = (
    *(gpt2, llama, mistral, smollm3, qwen2, qwen3, gpt_neox, gemma, gemma2, gemma3, olmo2, olmo3),
    *(phi, phi3, gptj, opt, falcon),
)
FAMILIES: dict[str, Family] = {module.FAMILY.architecture: module.FAMILY for module in _MODULES}
BY_TYPE: dict[str, Family] = {family.model_type: family for family in FAMILIES.values()}


def supported(config: Any) -> bool:
    """Whether a Hugging Face config is of a family that is converted here."""
    return _architecture(config) in FAMILIES


def family_of(config: Any) -> Family:
    """The record of a Hugging Face config's family; UserError when there is none."""
    architecture = _architecture(config)
    if architecture not in FAMILIES:
        raise UserError(
            f"model architecture {architecture or config.model_type!r} is not supported: {why_not(config, BY_TYPE)}"
        )
    return FAMILIES[architecture]


def transformer_lens_name(config: Any) -> str | None:
    """The name under which TransformerLens itself builds a model of this config, where no record does; None: it does not."""
    return BY_TRANSFORMER_LENS.get(_architecture(config))


def _architecture(config: Any) -> Any:
    family = BY_TYPE.get(config.model_type)
    return (config.architectures or [None])[0] or (family.architecture if family else None)
