"""`interp validate` for a comparison: what each of its runs would do."""

from __future__ import annotations

from rich.console import Console

from interp.configs.loading import LoadedConfig
from interp.runs.checked import Checked
from interp.runs.circuit.dry_run import describe_run
from interp.runs.comparison.config import ComparisonConfig


def describe(config: LoadedConfig[ComparisonConfig], console: Console) -> Checked:
    """Check both runs, one model at a time; UserError when one could not work. What was found, by the model's label."""
    by_label = {}
    for label in config.run.models:
        console.print(f"{label}:", style="bold")
        beside = [model for other, model in config.run.models.items() if other != label]
        by_label[label] = describe_run(config.run.arm(label), console, beside)
    return {"models": by_label}
