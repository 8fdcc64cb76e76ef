"""TransformerLens' names of hub models, without the six seconds that importing TransformerLens takes.

The table is a module of plain data; it is run on its own from its file (on TransformerLens 4, whose module imports more, it
is read off that file and off one of JSON). A misspelt name, or a hub that cannot be reached, is thereby answered at once.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from interp.configs.registry import nearest
from interp.errors import UserError
from interp.models.lens import has_hooked_transformer


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
    names, spellings = _table()
    official = {name.lower(): name for name in names}
    aliases = {alias.lower(): name for name, others in spellings.items() for alias in others}
    return official | aliases


def _table() -> tuple[Sequence[str], Mapping[str, Sequence[str]]]:
    """Official names, and the other spellings of each."""
    package = importlib.util.find_spec("transformer_lens")
    path = Path(package.origin).with_name("supported_models.py") if package and package.origin else None
    if not has_hooked_transformer() and path is not None:
        return _read(path)
    module = _module(path)
    return module.OFFICIAL_MODEL_NAMES, module.MODEL_ALIASES


def _read(path: Path) -> tuple[Sequence[str], Mapping[str, Sequence[str]]]:
    assigned = (node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.AnnAssign))
    names = next(node.value for node in assigned if ast.unparse(node.target) == "OFFICIAL_MODEL_NAMES")
    table = path.parent / "tools" / "model_registry" / "data" / "model_aliases.json"
    assert names is not None
    return ast.literal_eval(names), json.loads(table.read_text("utf-8"))["aliases"]


def _module(path: Path | None) -> ModuleType:
    spec = importlib.util.spec_from_file_location("_supported_models", path) if path and path.is_file() else None
    if spec is None or spec.loader is None:
        return importlib.import_module("transformer_lens.supported_models")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
