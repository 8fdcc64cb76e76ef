"""A comparison from config to report: all models are measured on the prompts that all of them pass, each in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console

from interp.configs.loading import LoadedConfig
from interp.measure.study import Study
from interp.models import LoadedModel, load_model
from interp.results.inputs import Inputs, inputs_of
from interp.results.run_folder import RunFolder
from interp.runs.circuit.prepare import first_prompt, prepare
from interp.runs.circuit.publish import KEPT as KEPT_BY_ARMS
from interp.runs.circuit.run import Measured, measure
from interp.runs.comparison.config import ComparisonConfig
from interp.runs.comparison.publish import KEPT, write_comparison
from interp.runs.lifecycle import attempt, carry_out, draws


def run(config: LoadedConfig[ComparisonConfig], console: Console, fresh: bool = False) -> Path:
    """Run a comparison to its report and return the report's path; UserError for everything that a user can mend."""
    settings = config.run

    def work(folder: RunFolder, inputs: Inputs) -> dict[str, int]:
        if fresh:
            for label in settings.models:
                with _folder(config, label, folder) as arm:
                    arm.clear(KEPT_BY_ARMS.tables)
        if settings.compute.threads is not None:
            torch.set_num_threads(settings.compute.threads)
        labels = list(settings.models)
        prompt = first_prompt(settings)
        models = {label: load_model(settings.models[label], console, prompt) for label in labels}
        # Prompts are chosen once, by all models, so that every difference is paired.
        studies = prepare(settings.arm(labels[0]), list(models.values()))
        for label, study in zip(labels, studies, strict=True):
            _arm(config, label, study, models[label], folder, inputs, console)
        write_comparison(folder)
        return {"threads": torch.get_num_threads()}

    return carry_out(config, console, KEPT, work, fresh)


def _arm(
    config: LoadedConfig[ComparisonConfig],
    label: str,
    study: Study,
    model: LoadedModel,
    parent: RunFolder,
    known: Inputs,
    console: Console,
) -> None:
    """Measure one model in a run folder of its own, with its own report; what is finished of it is kept."""
    settings = config.run.arm(label)

    def work(folder: RunFolder, inputs: Inputs) -> Measured:
        return measure(settings, study, model.info, inputs, folder, console)

    with _folder(config, label, parent) as folder:
        attempt(config, folder, inputs_of(settings, known), KEPT_BY_ARMS.tables, work, name=settings.name)
        if draws():
            KEPT_BY_ARMS.publish(folder, Console(quiet=True))


def _folder(config: LoadedConfig[ComparisonConfig], label: str, parent: RunFolder) -> RunFolder:
    return RunFolder.at(parent.path / label, config.run.arm(label).resolved(), config.text)
