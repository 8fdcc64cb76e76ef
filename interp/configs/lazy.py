"""Libraries that are imported when they are first used, so that a mistake in a YAML is told before torch is loaded.

What a YAML can say is declared beside what it does (a probe's settings beside its variants), and reading the settings must
not wait for the libraries that only doing it needs. The type checker sees the module itself:

    if TYPE_CHECKING:
        import torch
    else:
        torch = lazy("torch")
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


class _Lazy(ModuleType):
    def __getattr__(self, name: str) -> Any:
        # Asked for by inspection of a module (`__path__`, `__wrapped__`): no reason to import.
        if name.startswith("__"):
            raise AttributeError(name)
        attribute = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, attribute)
        return attribute


def lazy(name: str) -> ModuleType:
    """A stand-in for the module `name`, which is imported at the first use of one of its attributes."""
    return _Lazy(name)
