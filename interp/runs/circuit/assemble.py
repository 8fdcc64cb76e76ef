"""The tables of a run from its parts: the study's (prompts, and what the model is) and every probe's. No model is needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from pydantic import ValidationError

from interp.analysis.findings import VERSION, DroppedPrompt, Findings, LayerSpanFindings, MeanFound
from interp.analysis.findings_of_run import FocusFound, MetricFound, Metrics, RunFindings, WordingFound
from interp.analysis.summary import summarise_effects
from interp.probes.base import Reading
from interp.results import effects_file, reading
from interp.results.parts import FRESH
from interp.results.run_folder import RESOLVED, RunFolder
from interp.runs.circuit.config import RunConfig, validate
from interp.runs.circuit.facts import STUDY, Candidate, StudyFacts

TABLES = ("prompts.parquet", "effects.parquet", "summary.csv", "candidates.csv", "dropped.csv", "metrics.json")


def reading_of(settings: RunConfig) -> Reading:
    """The statistics and share settings of a config."""
    return Reading(
        seed=settings.seed,
        confidence=settings.statistics.confidence,
        n_resamples=settings.statistics.n_resamples,
        share_target=settings.share.target,
        share_definition=settings.share.definition,
    )


def restore(folder: RunFolder) -> None:
    """Make the tables of a finished run again where one is missing or damaged; Damaged when a part is, too, or says what it says
    in the words of another version."""
    if not folder.damaged():
        return
    settings = validate(reading.read_yaml(folder.path / RESOLVED), str(folder.path / RESOLVED))
    parts = {probe.label: folder.whole_part(probe.label) for probe in settings.probes}
    try:
        typed = {probe.label: probe.findings.model_validate(parts[probe.label].findings) for probe in settings.probes}
        write_tables(settings, typed, folder)
    except ValidationError:
        raise reading.Damaged(f"{folder.path}: its parts were written by another version of interp; {FRESH}") from None


def write_tables(settings: RunConfig, findings: dict[str, Findings], folder: RunFolder) -> None:
    """Write the tables of a run, whose study's part is in its folder."""
    prompts, facts = folder.parts.table(STUDY), StudyFacts.kept(folder)
    statistics = settings.statistics
    folder.write_table("prompts.parquet", prompts)
    folder.write_effects_of([probe.label for probe in settings.probes])
    effects = effects_file.EffectsFile(folder.path / "effects.parquet")
    summary = summarise_effects(effects, statistics.n_resamples, statistics.confidence, settings.seed)
    folder.write_table("summary.csv", summary)
    folder.write_table("candidates.csv", _candidates(facts.candidates))
    folder.write_table("dropped.csv", _dropped(facts.dropped, findings.values()))
    metrics = Metrics(schema_version=VERSION, run=_run(settings, prompts, facts), probes=findings)
    folder.write_json("metrics.json", metrics.plain())


def _dropped(rows: list[DroppedPrompt], findings: Iterable[Findings]) -> pd.DataFrame:
    """Every prompt that was left out, and why; those that only a token group left out included."""
    groups = [group for concluded in findings if isinstance(concluded, LayerSpanFindings) for group in concluded.groups]
    every = [*rows, *(row for group in groups for row in group.dropped)]
    return pd.DataFrame([row.plain() for row in every], columns=["pair", "template", "reason"])


def _candidates(rows: list[Candidate]) -> pd.DataFrame:
    """How the model does on every candidate, before any filter."""
    candidates = pd.DataFrame(
        [row.plain() for row in rows], columns=["pair", "template", "clean", "answer", "said", "log_prob"]
    )
    return candidates.assign(right=candidates["said"].isna())


def _wordings(
    settings: RunConfig, candidates: pd.DataFrame, prompts: pd.DataFrame, gates: dict[str, dict[str, int]]
) -> list[WordingFound]:
    """How the model does in each wording: on its candidates, and what its gates do on the prompts that are used."""
    rows = []
    for template, asked in candidates.groupby("template", sort=False):
        boot = reading_of(settings).bootstrap(asked["pair"].tolist(), "wordings", str(template))
        right, log_prob = boot.mean(asked[["right", "log_prob"]].to_numpy(dtype=float))
        mine = prompts[prompts["template"] == template]
        rows.append(
            WordingFound(
                template=str(template),
                n_asked=len(asked),
                n_prompts=len(mine),
                n_tokens=None if mine.empty else len(mine["clean_tokens"].iloc[0]),
                accuracy=MeanFound.of(right),
                log_prob=MeanFound.of(log_prob),
                gates=gates.get(str(template)) or None,
            )
        )
    return rows


def _run(settings: RunConfig, prompts: pd.DataFrame, facts: StudyFacts) -> RunFindings:
    """What metrics.json says of the whole run."""
    boot = reading_of(settings).bootstrap(prompts["pair"].tolist(), "run")
    clean, corrupted = boot.mean(prompts[["clean_metric", "corrupted_metric"]].to_numpy())
    candidates = _candidates(facts.candidates)
    focus = prompts[prompts["focus"]].iloc[0][list(FocusFound.model_fields)].to_dict()
    notes = {"notes": facts.notes} if facts.notes else {}
    return RunFindings(
        name=settings.name,
        title=settings.title,
        question=settings.question,
        model=facts.model,
        metric=MetricFound.model_validate(settings.metric.described()),
        n_prompts=len(prompts),
        n_pairs=prompts["pair"].nunique(),
        n_templates=prompts["template"].nunique(),
        n_dropped=len(facts.dropped),
        confidence=settings.statistics.confidence,
        n_resamples=settings.statistics.n_resamples,
        share_target=settings.share.target,
        share_definition=settings.share.definition,
        clean=MeanFound.of(clean),
        corrupted=MeanFound.of(corrupted),
        accuracy_kept=float((prompts["top1_id"] == prompts["answer_id"]).mean()),
        accuracy=float(candidates["right"].mean()),
        n_asked=len(candidates),
        wordings=_wordings(settings, candidates, prompts, facts.gates),
        focus_is_declared=facts.focus_is_declared,
        focus=FocusFound.model_validate({name: _plain(value) for name, value in focus.items()}),
        **notes,
    )


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
