"""Other libraries doing the same work, each in the way that its own documentation recommends; imported when used."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Literal

from benchmarks.contestant import Contestant

RivalName = Literal["transformer_lens", "nnsight", "pyvene"]
RIVALS: dict[RivalName, tuple[str, str]] = {
    "transformer_lens": ("benchmarks.rivals.transformer_lens_patching", "TransformerLensPatching"),
    "nnsight": ("benchmarks.rivals.nnsight_traces", "NnsightTraces"),
    "pyvene": ("benchmarks.rivals.pyvene_interventions", "PyveneInterventions"),
}


def installed() -> list[RivalName]:
    """The rivals whose package is there."""
    return [name for name in RIVALS if importlib.util.find_spec(name) is not None]


def rival(name: RivalName) -> type[Contestant]:
    """A rival's class; ImportError when its package is missing."""
    module, cls = RIVALS[name]
    return getattr(importlib.import_module(module), cls)
