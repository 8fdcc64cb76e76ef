"""Hooks that belong to a model itself: a sparse gate's, and those by which the parts of a Bridge find each other."""

from __future__ import annotations

import inspect
from typing import Any

from interp.models.bridge import HookedBridge
from interp.models.sparse_attention import gate_hooks


def own_hooks(model: Any, name: str, part: Any) -> int:
    """How many forward hooks the module of a name has that are the model's own."""
    return gate_hooks(model, name) + (len(_library_handles(part)) if isinstance(model, HookedBridge) else 0)


def foreign_handles(model: Any, part: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The handles of a module's hooks before and after its forward; without a library's, which come and go by themselves."""
    own = _library_handles(part) if isinstance(model, HookedBridge) else frozenset()
    before, after = part._forward_pre_hooks, part._forward_hooks
    return tuple(handle for handle in before if handle not in own), tuple(
        handle for handle in after if handle not in own
    )


def own_forward(model: Any, part: Any) -> bool:
    """Whether a method in the place of a module's forward is there because TransformerLens put it there."""
    return isinstance(model, HookedBridge) and _of_a_library(vars(part).get("forward"))


def _library_handles(part: Any) -> frozenset[int]:
    """Handles of hooks that TransformerLens and transformers have put on a module of a Bridge."""
    placed = [*part._forward_pre_hooks.items(), *part._forward_hooks.items()]
    return frozenset(handle for handle, function in placed if _of_a_library(function))


def _of_a_library(function: Any) -> bool:
    if getattr(function, "__qualname__", "").startswith("HookPoint.add_hook"):
        function = inspect.getclosurevars(function).nonlocals.get("hook", function)
    module = getattr(function, "__module__", None) or ""
    return module.startswith(("transformers.", "transformer_lens.model_bridge."))
