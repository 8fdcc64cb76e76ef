"""The families that this project converts itself: one record each, looked up by architecture."""

from __future__ import annotations

from typing import Any

from interp.errors import UserError
from interp.models.families import gpt2, llama
from interp.models.families.record import Family

FAMILIES: dict[str, Family] = {one.architecture: one for one in (gpt2.FAMILY, llama.FAMILY)}
BY_TYPE: dict[str, Family] = {one.model_type: one for one in FAMILIES.values()}


def supported(config: Any) -> bool:
    """Whether a Hugging Face config is of a family that is converted here."""
    return _architecture(config) in FAMILIES


def family_of(config: Any) -> Family:
    """The record of a Hugging Face config's family; UserError when there is none."""
    found = _architecture(config)
    if found not in FAMILIES:
        raise UserError(
            f"model architecture {found or config.model_type!r} is not supported from a directory; supported are "
            f"{' and '.join(FAMILIES)} (other families: source: hub)"
        )
    return FAMILIES[found]


def _architecture(config: Any) -> Any:
    family = BY_TYPE.get(config.model_type)
    return (config.architectures or [None])[0] or (family.architecture if family else None)
