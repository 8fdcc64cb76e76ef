"""Freed memory goes back to the system while a model is loaded, and not only when the process ends."""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import Any


@functools.cache
def _library() -> Any:
    try:
        return ctypes.CDLL(None) if sys.platform == "linux" else None
    except OSError:
        return None


def give_back() -> None:
    """Let go of the holes between tensors of a heap, which glibc keeps for later: up to half a model; elsewhere, nothing."""
    trim = getattr(_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)
