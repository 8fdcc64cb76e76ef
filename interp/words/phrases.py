"""Phrases that captions share: metric, prompts, ablation, interval."""

from __future__ import annotations

from interp.analysis.findings_of_run import RunFindings
from interp.results.tables import RunTables
from interp.words.numbers import NONE, defined, fixed, significant
from interp.words.visible import visible_token

SOURCES = {
    "zero": "set to zero",
    "mean": "their mean over the template's prompts",
    "resample": "those of another prompt",
    "clean": "those of the clean run",
    "corrupted": "those of the corrupted run",
}


def metric_text(tables: RunTables) -> str:
    """`logit difference of answer and foil`."""
    return metric_words(tables.run)


def metric_words(run: RunFindings) -> str:
    """What the run's metric calls itself."""
    return run.metric.words or run.metric.kind.replace("_", " ")


def unit(tables: RunTables) -> str:
    """The metric's unit."""
    return tables.run.metric.unit


def basis_text(tables: RunTables, label: str | None = None) -> str:
    """Metric, what replaces what is edited, definition of a share, model, prompts of a probe (or of the run), intervals."""
    run = tables.run
    used = tables.prompts
    edited = ""
    if label is not None:
        used = used[used["prompt"].isin(tables.values_of(label, "prompt")["prompt"])]
        # A search names its main replacement; others stand beside it in tables of their own.
        main = tables.ablation(label)
        every = tables.values_of(label, "source")["source"]
        sources = [main] if main else sorted(source for source in every if source)
        edited = (
            f"edited values: {', '.join(SOURCES[source] for source in sources)}; " if sources else "nothing is edited; "
        )
    n, pairs, wordings = len(used), used["pair"].nunique(), used["template"].nunique()
    basis = (
        f"Metric: {metric_text(tables)} ({unit(tables)}); {edited}share definition in use: {run.share_definition}; "
        f"model: {run.model.name}; "
    )
    if n == 1:
        return f"{basis}n = 1 prompt: {visible_token(used.iloc[0]['clean'])}"
    return (
        f"{basis}n = {n} prompts ({plural(pairs, 'word pair')}, {plural(wordings, 'wording')}); "
        f"intervals: {percent(run.confidence)} bootstrap over word pairs."
    )


def ablation_text(source: str) -> str:
    """How an edge was cut."""
    return {
        "zero": "cut (set to zero)",
        "corrupted": "replaced by its value in the corrupted run",
        "mean": "replaced by its mean over prompts",
        "resample": "replaced by its value in another prompt",
    }[source]


def percent(value: float | None) -> str:
    """0.8 -> `80 %`; a dash where there is no number."""
    return NONE if not defined(value) else f"{fixed(100 * value, 0)} %"


def tenth(value: float | None) -> str:
    """0.0834 -> `8.3 %`; below one percent two digits."""
    if not defined(value):
        return NONE
    return f"{fixed(100 * value, 1) if value >= 0.01 else significant(100 * value, 2)} %"


def runs_text(layers: list[int]) -> str:
    """[0, 1, 2, 8] -> `0–2, 8`."""
    runs: list[list[int]] = []
    for layer in layers:
        if runs and layer == runs[-1][-1] + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def plural(count: int, noun: str) -> str:
    """`1 wording`, `4 wordings`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
