"""The base of everything that a YAML may hold."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, model_validator


class _Truth:
    """A true or false where a number belongs: pydantic would read it as 1 or 0, and cannot read this."""

    def __init__(self, value: bool) -> None:
        self.value = value

    def __repr__(self) -> str:
        return str(self.value).lower()


class Section(BaseModel):
    """A mapping of the YAML: it knows all its keys, cannot be changed, and its numbers are finite and no truths."""

    # Built when it is first used: by then the plugins are there, whose kinds it may name (interp.configs.registry).
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        numeric = {name for name, field in cls.model_fields.items() if _is_numeric(field.annotation)}
        return {key: _without_truths(value) if key in numeric else value for key, value in data.items()}


def _is_numeric(annotation: Any) -> bool:
    kinds = _kinds(annotation)
    return bool(kinds & {int, float}) and bool not in kinds


def _kinds(annotation: Any) -> set[Any]:
    return {annotation}.union(*map(_kinds, get_args(annotation)))


def _without_truths(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_truths(part) for part in value]
    return _Truth(value) if isinstance(value, bool) else value
