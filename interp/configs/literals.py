"""Words of which only some are valid, checked where they come in: a misspelt one must never be taken for the last `else`."""

from __future__ import annotations

from typing import Any, get_args

from interp.configs.registry import nearest
from interp.errors import BadValue


def check_literal(value: object, literal: Any, what: str) -> None:
    """BadValue when `value` is none of the values of a `Literal`; `what` names it in the sentence."""
    valid = get_args(literal)
    if value not in valid:
        raise BadValue(f"there is no {what} {value!r}; {nearest(str(value), valid)}")
