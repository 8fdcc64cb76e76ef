"""Which attention heads carry information from one token to another, exactly and with error bars.

For a notebook (docs/notebook.md): `load` a model, ask a `study`, draw a `heatmap`, `read` a finished run. They are
imported when they are first used, so that `import interp` loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interp.api.models import load
    from interp.api.pictures import heatmap
    from interp.api.runs import read
    from interp.api.start import study
    from interp.errors import UserError
    from interp.interventions.edits import Edit, Variant

__version__ = "0.1.0"
__all__ = ["Edit", "UserError", "Variant", "heatmap", "load", "read", "study"]

_AT = {
    "load": "interp.api.models",
    "study": "interp.api.start",
    "read": "interp.api.runs",
    "heatmap": "interp.api.pictures",
    "UserError": "interp.errors",
    "Edit": "interp.interventions.edits",
    "Variant": "interp.interventions.edits",
}


def __getattr__(name: str) -> Any:
    if name not in _AT:
        raise AttributeError(f"module 'interp' has no attribute {name!r}")
    return getattr(import_module(_AT[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_AT])
