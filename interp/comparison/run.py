"""A comparison from config to report: both models are measured on the prompts that both pass, each in a folder of its own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from interp.comparison.compare import compare
from interp.comparison.config import ComparisonConfig
from interp.comparison.publish import publish
from interp.errors import UserError
from interp.models import LoadedModel, load_model
from interp.prepare import first_prompt, prepare
from interp.publish import publish as publish_arm
from interp.results.run_folder import RunFolder, marked
from interp.results.tables import RunTables
from interp.run import finished, measure, reading_of
from interp.run_manifest import manifest_of
from interp.study import Study
from interp.yaml_config import LoadedConfig


def run(config: LoadedConfig[ComparisonConfig], console: Console) -> Path:
    """Run a comparison to its report and return the report's path; UserError for everything that a user can mend."""
    settings = config.run
    with RunFolder.open(settings.output.folder(), settings.name, settings.resolved(), config.text) as folder:
        if folder.manifest().get("status") != "finished":
            console.print(f"run folder: {folder.path}")
            _measure(config, folder, console)
        else:
            console.print(f"{folder.path} is finished; its report is drawn again")
        return publish(folder, console)


def _measure(config: LoadedConfig[ComparisonConfig], folder: RunFolder, console: Console) -> None:
    settings, started = config.run, time.monotonic()
    manifest = manifest_of(config, folder)
    folder.write_manifest(manifest)
    with marked(folder, manifest):
        if settings.compute.threads is not None:
            torch.set_num_threads(settings.compute.threads)
        labels = list(settings.models)
        prompt = first_prompt(settings)
        models = {label: load_model(settings.models[label], console, prompt) for label in labels}
        _same_tokens(models)
        # Prompts are chosen once, by both models, so that every difference is paired.
        studies = prepare(settings.arm(labels[0]), list(models.values()))
        for label, study in zip(labels, studies, strict=True):
            _arm(config, label, study, models[label], folder, console)
        arms = {label: RunTables.load(folder.path / label) for label in labels}
        folder.write_json("comparison.json", compare(arms, reading_of(settings.arm(labels[0]))))
    folder.write_manifest(
        {
            **manifest,
            "status": "finished",
            "threads": torch.get_num_threads(),
            "seconds": round(time.monotonic() - started, 1),
        }
    )


def _arm(
    config: LoadedConfig[ComparisonConfig],
    label: str,
    study: Study,
    model: LoadedModel,
    parent: RunFolder,
    console: Console,
) -> None:
    """Measure one model in a run folder of its own, with its own report."""
    settings, started = config.run.arm(label), time.monotonic()
    with RunFolder.at(parent.path / label, settings.resolved(), config.text) as folder:
        if folder.manifest().get("status") != "finished":
            manifest: dict[str, Any] = {**manifest_of(config, folder), "name": settings.name}
            folder.write_manifest(manifest)
            with marked(folder, manifest):
                seconds = measure(settings, study, model.info, folder, console)
            folder.write_manifest(manifest | finished(model.info, study.engine, seconds, time.monotonic() - started))
        else:
            console.print(f"{label}: finished before, kept")
        publish_arm(folder, Console(quiet=True))


def _same_tokens(models: dict[str, LoadedModel]) -> None:
    vocabularies = [model.tokenizer.get_vocab() for model in models.values()]
    if vocabularies[0] != vocabularies[1]:
        raise UserError(f"models: {' and '.join(models)} have different tokenizers, so they cannot share prompts")
