"""Which line of TransformerLens is installed: 3.9, which has HookedTransformer, or 4.x, which has TransformerBridge.

The project's own word for a model with hooks is a HookedTransformer. On 4.x a TransformerBridge in compatibility mode stands
in its place (interp.models.bridge, interp.models.bridge_blocks); what that line cannot do is said in the words below.
"""

from __future__ import annotations

import functools
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from interp.errors import UserError

OLDER = "pip install 'transformer-lens>=3.9,<4'"


@functools.cache
def installed() -> str:
    """The version of TransformerLens."""
    try:
        return version("transformer-lens")
    except PackageNotFoundError:
        raise UserError("transformer-lens is not installed; run make setup") from None


@functools.cache
def has_hooked_transformer() -> bool:
    """Whether it is of the line that has HookedTransformer. Imports nothing, for that takes six seconds."""
    return int(installed().partition(".")[0]) < 4


def is_bridge(model: Any) -> bool:
    """Whether a model is a TransformerBridge of TransformerLens 3 or 4."""
    return any(kind.__name__ == "TransformerBridge" for kind in type(model).__mro__)


def needs_older(what: str) -> UserError:
    """What is said of something that only the line with HookedTransformer does."""
    return UserError(f"{what}; with TransformerLens 3.9 it runs ({OLDER}), and {installed()} is installed")
