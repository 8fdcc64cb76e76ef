"""TransformerLens' names of hub models, without the six seconds that importing TransformerLens takes.

The table is a module of plain data; it is run on its own from its file. A misspelt name, or a hub that cannot be reached,
is thereby answered at once.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from interp.configs.registry import nearest
from interp.errors import UserError


def official_name(name: str) -> str:
    """The hub's name for a TransformerLens name such as gpt2 or pythia-70m; UserError names the nearest one."""
    table = _names()
    if name.lower() not in table:
        clause = nearest(name.lower(), table)
        # Where none is near, `nearest` lists all of them, which are hundreds.
        clause = clause if clause.startswith("did") else "see TransformerLens' table of models"
        raise UserError(f"model.name: TransformerLens knows no model {name!r}; {clause}")
    return table[name.lower()]


@functools.cache
def _names() -> dict[str, str]:
    """Lower-case name or alias -> the hub's name."""
    data = _table()
    official = {name.lower(): name for name in data.OFFICIAL_MODEL_NAMES}
    aliases = {alias.lower(): name for name, spellings in data.MODEL_ALIASES.items() for alias in spellings}
    return official | aliases


def _table() -> ModuleType:
    package = importlib.util.find_spec("transformer_lens")
    path = Path(package.origin).with_name("supported_models.py") if package and package.origin else None
    spec = importlib.util.spec_from_file_location("_supported_models", path) if path and path.is_file() else None
    if spec is None or spec.loader is None:
        return importlib.import_module("transformer_lens.supported_models")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
