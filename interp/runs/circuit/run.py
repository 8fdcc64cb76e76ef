"""One run from config to report. Finished probes are kept, so an interrupted run goes on where it stopped."""

from __future__ import annotations

import time
from collections import Counter, UserDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np
import pandas as pd
import torch
from rich.console import Console

from interp.analysis.findings_of_run import ModelFound
from interp.configs.loading import LoadedConfig
from interp.errors import UserError
from interp.measure.study import Study
from interp.models import load_model
from interp.probes import Probe
from interp.results.columns import EFFECTS
from interp.results.effects_file import alike
from interp.results.inputs import Inputs
from interp.results.parts import must_agree, table_name
from interp.results.run_folder import RunFolder
from interp.runs.circuit import provenance
from interp.runs.circuit.assemble import reading_of, write_tables
from interp.runs.circuit.config import RunConfig
from interp.runs.circuit.facts import STUDY, StudyFacts
from interp.runs.circuit.preflight import check_probes
from interp.runs.circuit.prepare import first_prompt, prepare, prompts_table
from interp.runs.circuit.publish import KEPT
from interp.runs.lifecycle import carry_out
from interp.runs.progress import probe_progress
from interp.words.phrases import plural


def run(config: LoadedConfig[RunConfig], console: Console, fresh: bool = False) -> Path:
    """Run a config to its report and return the report's path (report.html).

    A run that is already finished is only reported again, unless `fresh`. Raises UserError for everything that a user
    can mend.
    """
    settings = config.run

    def work(folder: RunFolder, inputs: Inputs) -> Measured:
        if settings.compute.threads is not None:
            torch.set_num_threads(settings.compute.threads)
        loaded = load_model(settings.model, console, first_prompt(settings))
        return measure(settings, prepare(settings, [loaded])[0], loaded.info, inputs, folder, console)

    return carry_out(config, console, KEPT, work, fresh)


def measure(
    settings: RunConfig, study: Study, info: ModelFound, inputs: Inputs, folder: RunFolder, console: Console
) -> Measured:
    """Run every probe that is not finished, write the tables of a run; what the manifest says of it."""
    console.print(
        f"{info.name}: {study.sizes.n_layers} layers x {study.sizes.n_heads} heads; "
        f"{plural(len(study.book), 'prompt')} in {plural(len(study.book.sets), 'wording')}, {len(study.book.dropped)} left out"
    )
    for note in study.book.notes:
        console.print(f"note: {note}", highlight=False, markup=False)
    check_probes(settings.probes, study)
    prompts = prompts_table(study)
    made_from = provenance.of_study(settings, info, inputs)
    if folder.parts.find(STUDY, made_from) is None:
        folder.write_table(table_name(STUDY), prompts)
        folder.parts.save(STUDY, StudyFacts.of(study, info).plain(), made_from, [table_name(STUDY)])
    work = _Work(settings, study, folder, console, made_from, prompts)
    for probe in settings.probes:
        work.do(probe)
    study.engine.forget()
    write_tables(settings, dict(study.findings), folder)
    return Measured(
        model=info.plain(),
        threads=torch.get_num_threads(),
        engine={"by_hooks_because": study.engine.reason_against_blocks, **work.counts()},
        gates=StudyFacts.kept(folder).all_gates,
        probe_seconds={label: cost["seconds"] for label, cost in work.costs.items()},
    )


def rows_of(probe: Probe, study: Study) -> Iterator[pd.DataFrame]:
    """The rows of a probe's effects table, in parts; UserError where the model returned no number."""
    with study.engine.undisturbed():
        made = probe.run(study)
        for frame in [made] if isinstance(made, pd.DataFrame) else made:
            if not np.isfinite(frame["value"]).all():
                raise UserError(f"probe {probe.label!r}: the model returned NaN or infinity; try model.dtype float32")
            yield frame.assign(probe=alike(probe.label, len(frame)), kind=alike(probe.kind, len(frame)))[list(EFFECTS)]


class _Tables(UserDict[str, pd.DataFrame]):
    """The effects of finished probes: read when they are looked at, and not held."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self._folder = folder

    def add(self, label: str) -> None:
        """A probe is finished."""
        self.data[label] = pd.DataFrame()

    def __getitem__(self, label: str) -> pd.DataFrame:
        if label not in self.data:
            raise KeyError(label)
        return self._folder.effects(label)


class Measured(TypedDict):
    """What the manifest says of a run of probes (interp.results.manifest)."""

    model: Mapping[str, object]
    threads: int
    engine: dict[str, str | int | None]
    gates: dict[str, int] | None
    probe_seconds: dict[str, float]


class ProbeCost(TypedDict):
    """What a probe took, beside its results: seconds, and what the engine was asked for."""

    seconds: float
    engine: dict[str, int]


class _Work:
    """The probes of one run, done one by one or taken from an earlier attempt."""

    def __init__(
        self,
        settings: RunConfig,
        study: Study,
        folder: RunFolder,
        console: Console,
        made_from: dict[str, str],
        prompts: pd.DataFrame,
    ) -> None:
        self._study, self._folder, self._console = study, folder, console
        self._reading = reading_of(settings)
        self._probes = {probe.label: probe for probe in settings.probes}
        self._made_from = {
            label: provenance.of_probe(made_from, prompts, probe, self._reading)
            for label, probe in self._probes.items()
        }
        self._tables = _Tables(folder)
        study.tables = self._tables
        self._digests: dict[str, str] = {}
        self.costs: dict[str, ProbeCost] = {}
        # Told before an hour of measuring, and not after.
        for label, origin in self._made_from.items():
            folder.parts.find(label, origin)

    def do(self, probe: Probe) -> None:
        """Run a probe, or take it from an earlier attempt; its effects and findings go to the study."""
        label, folder = probe.label, self._folder
        kept = folder.parts.find(label, self._made_from[label])
        if kept is None:
            self._measure(probe)
        else:
            earlier = provenance.of_earlier(kept.builds_on, self._probes, self._digests)
            must_agree(f"{folder.path}: its finished part {label!r}", kept.builds_on, earlier)
            self._console.print(f"{label}: finished before, kept")
        # Read back in both cases, so that a resumed run works on the very same numbers.
        part = folder.whole_part(label)
        self._digests[label] = part.digest
        self.costs[label] = ProbeCost(seconds=part.cost["seconds"], engine=part.cost["engine"])
        self._study.findings[label] = probe.findings.model_validate(part.findings)
        self._tables.add(label)

    def counts(self) -> dict[str, int]:
        """What the engine was asked for, over all probes and attempts."""
        total: Counter[str] = Counter()
        for cost in self.costs.values():
            total.update(cost["engine"])
        return dict(total)

    def _measure(self, probe: Probe) -> None:
        label, study, started = probe.label, self._study, time.monotonic()
        before = Counter(study.engine.counts)
        with provenance.watched(study) as asked, probe_progress(self._console, label, probe.passes(study)) as advance:
            study.progress = advance
            self._folder.write_effects(label, rows_of(probe, study))
            # Read back, and only where it is looked at: it may be larger than what measured it.
            effects = self._folder.effects(label) if probe.concludes else pd.DataFrame()
            findings = probe.concluded(effects, study, self._reading)
        counts = {name: count - before[name] for name, count in study.engine.counts.items()}
        cost = ProbeCost(seconds=round(time.monotonic() - started, 1), engine=counts)
        earlier = provenance.of_earlier(asked - {label}, self._probes, self._digests)
        self._folder.save_part(label, None, findings.plain(), self._made_from[label], cost, earlier)
