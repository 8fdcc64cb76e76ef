"""One run from config to report. Finished probes are kept, so an interrupted run goes on where it stopped."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console

from interp.analysis.summary import summarise_effects
from interp.config import RunConfig
from interp.errors import UserError
from interp.interventions.engine import Engine
from interp.models import load_model
from interp.models.info import ModelInfo
from interp.preflight import check_probes
from interp.prepare import dropped_table, first_prompt, prepare, prompts_table
from interp.probes import Probe, Reading
from interp.progress import probe_progress
from interp.publish import publish
from interp.results.run_folder import RunFolder, marked
from interp.run_manifest import manifest_of
from interp.study import Study
from interp.yaml_config import LoadedConfig

COLUMNS = (
    *("model", "probe", "kind", "part", "method", "variant", "prompt", "set", "pair", "template", "base", "source"),
    *("site", "layer", "head", "query", "key", "query_label", "key_label", "group", "n_kept"),
    *("value", "baseline", "effect", "normalised"),
)


def run(config: LoadedConfig[RunConfig], console: Console) -> Path:
    """Run a config to its report and return the report's path (report.html).

    A run that is already finished is only reported again. Raises UserError for everything that a user can mend.
    """
    settings = config.run
    resolved = settings.resolved()
    with RunFolder.open(settings.output.folder(), settings.name, resolved, config.text) as folder:
        if folder.manifest().get("status") != "finished":
            console.print(f"run folder: {folder.path}")
            _measure(config, folder, console)
        else:
            console.print(f"{folder.path} is finished; its report is drawn again")
        return publish(folder, console)


def _measure(config: LoadedConfig[RunConfig], folder: RunFolder, console: Console) -> None:
    settings, started = config.run, time.monotonic()
    manifest = manifest_of(config, folder)
    folder.write_manifest(manifest)
    with marked(folder, manifest):
        if settings.compute.threads is not None:
            torch.set_num_threads(settings.compute.threads)
        loaded = load_model(settings.model, console, first_prompt(settings))
        study = prepare(settings, [loaded])[0]
        seconds = measure(settings, study, loaded.info, folder, console)
    folder.write_manifest(manifest | finished(loaded.info, study.engine, seconds, time.monotonic() - started))


def finished(info: ModelInfo, engine: Engine, seconds: dict[str, float], took: float) -> dict[str, Any]:
    """What the manifest says of a run that has ended well."""
    return {
        "status": "finished",
        "model": asdict(info),
        "threads": torch.get_num_threads(),
        "engine": {"by_hooks_because": engine.reason_against_blocks, **engine.counts},
        "seconds": round(took, 1),
        "probe_seconds": {label: round(taken, 1) for label, taken in seconds.items()},
    }


def measure(
    settings: RunConfig, study: Study, info: ModelInfo, folder: RunFolder, console: Console
) -> dict[str, float]:
    """Run every probe and write the tables of a run; seconds that each probe took."""
    folder.write_table("prompts.parquet", prompts_table(study))
    console.print(
        f"{info.name}: {study.sizes.n_layers} layers x {study.sizes.n_heads} heads; "
        f"{len(study.book)} prompts in {len(study.book.sets)} wordings, {len(study.book.dropped)} left out"
    )
    for note in study.book.notes:
        console.print(f"note: {note}", highlight=False, markup=False)
    check_probes(settings.probes, study)
    reading = reading_of(settings)
    seconds = {probe.label: _probe(probe, study, reading, folder, console) for probe in settings.probes}
    _write_tables(study, settings, info, folder)
    return seconds


def reading_of(settings: RunConfig) -> Reading:
    """The statistics and share settings of a config."""
    return Reading(
        seed=settings.seed,
        confidence=settings.statistics.confidence,
        n_resamples=settings.statistics.n_resamples,
        share_target=settings.share.target,
        share_definition=settings.share.definition,
    )


def _probe(probe: Probe, study: Study, reading: Reading, folder: RunFolder, console: Console) -> float:
    """Run one probe, or take it from an earlier attempt; its effects and findings go to the study. Seconds taken."""
    label, started = probe.label, time.monotonic()
    if folder.has(label):
        effects, findings = folder.load_part(label)
        console.print(f"{label}: finished before, kept")
    else:
        with probe_progress(console, label, probe.passes(study)) as advance:
            study.progress = advance
            effects = probe.run(study)
        effects["probe"], effects["kind"] = label, probe.kind
        effects = effects[list(COLUMNS)]
        if not np.isfinite(effects["value"]).all():
            raise UserError(f"probe {label!r}: the model returned NaN or infinity; try model.dtype float32")
        findings = {"kind": probe.kind, **probe.summarise(effects, study, reading)}
        folder.save_part(label, effects, findings)
        # Read back, so that a resumed run works on the very same numbers.
        effects, findings = folder.load_part(label)
    study.tables[label], study.findings[label] = effects, findings
    return time.monotonic() - started


def _write_tables(study: Study, settings: RunConfig, info: ModelInfo, folder: RunFolder) -> None:
    effects = pd.concat(study.tables.values(), ignore_index=True)
    statistics = settings.statistics
    prompts = prompts_table(study)
    folder.write_table("effects.parquet", effects)
    summary = summarise_effects(effects, statistics.n_resamples, statistics.confidence, settings.seed)
    folder.write_table("summary.csv", summary)
    folder.write_table("dropped.csv", dropped_table(study))
    reading = reading_of(settings)
    boot = reading.bootstrap(prompts["pair"].tolist(), "run")
    clean, corrupted = boot.mean(prompts[["clean_metric", "corrupted_metric"]].to_numpy())
    focus = prompts[prompts["focus"]].iloc[0]
    facts: dict[str, Any] = {
        **{"name": settings.name, "title": settings.title, "question": settings.question},
        "model": asdict(info),
        "metric": settings.metric.described(),
        **{"n_prompts": len(prompts), "n_pairs": prompts["pair"].nunique()},
        **{"n_templates": prompts["template"].nunique(), "n_dropped": len(study.book.dropped)},
        **{"confidence": statistics.confidence, "n_resamples": statistics.n_resamples},
        **{"share_target": settings.share.target, "share_definition": settings.share.definition},
        **{"clean": clean.as_dict(), "corrupted": corrupted.as_dict()},
        "accuracy_kept": float((prompts["top1_id"] == prompts["answer_id"]).mean()),
        **{"accuracy": study.accuracy, "n_asked": study.n_asked},
        "focus_is_declared": any(pair.focus for prompts in study.book.sets for pair in prompts.pairs),
        "focus": {
            name: _plain(focus[name]) for name in ("prompt", "clean", "answer", "corrupted", "foil", "key", "query")
        },
    }
    if study.book.notes:
        facts["notes"] = study.book.notes
    folder.write_json("metrics.json", {"run": facts, "probes": study.findings})


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
