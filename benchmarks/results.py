"""Tables of what was measured, and the page that shows them."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd
import torch

from benchmarks.cases import Case
from benchmarks.timing import Race, Timing, ratio
from benchmarks.workloads import TITLES
from interp.results import atomic

MODEL_TITLES = {
    "gpt2": "GPT-2 small's shape, random weights",
    "smollm2": "SmolLM2-135M-Instruct",
    "llama": "Llama's blocks, 1.4 billion random weights",
}
CASE = ["model", "n_layers", "sweep", "n_prompts", "length", "prefix"]
EXPLANATION = """\
Every number is the mean logit difference over the prompts after one edit; all contestants gave the same ones (to 1e-4 of
the metric, checked before timing and again on the timed cells). Seconds are for the whole sweep, medians of alternated
rounds; "from k cells" means that k cells were run, over all rounds, and the time of all was extrapolated. A ratio says how
many times as long as our engine a library takes, with the smallest and largest of the rounds. The floor is the matrix
arithmetic that cannot be left out, over the rate of matrix products measured in the same rounds; its percentage is the share
of our time. "prefix" counts the first tokens that all prompts and both runs have in common."""


def race_rows(case: Case, race: Race) -> list[dict[str, object]]:
    """One row for each contestant of a case."""
    return [_row(case, race, timing) for timing in (race.ours, *race.rivals)]


def _row(case: Case, race: Race, timing: Timing) -> dict[str, object]:
    mine = timing is race.ours
    middle, low, high = ratio(timing, race.ours)
    return {
        **place(case),
        "contestant": timing.who,
        "cells": timing.all_cells,
        "cells_measured": timing.cells,
        "extrapolated": timing.extrapolated,
        "rounds": len(timing.seconds),
        "seconds_median": timing.median_s,
        "seconds_min": min(timing.seconds),
        "seconds_max": max(timing.seconds),
        "ratio": middle,
        "ratio_min": low,
        "ratio_max": high,
        "floor_gflop": race.flops / 1e9,
        "rate_gflops": race.rate / 1e9,
        "floor_s": race.floor_s,
        "floor_frac": race.floor_frac if mine else None,
    }


def place(case: Case) -> dict[str, object]:
    """A case's columns."""
    n_layers = case.load().hooked.cfg.n_layers
    return {**{name: getattr(case, name) for name in CASE}, "n_layers": n_layers}


def write(folder: Path, tables: dict[str, pd.DataFrame], command: str) -> None:
    """results.csv, scaling.csv, memory.csv (those that have rows) and results.md."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        if len(table):
            atomic.write_table(folder / f"{name}.csv", table)
    atomic.write_text(folder / "results.md", page(tables, command))


def page(tables: dict[str, pd.DataFrame], command: str) -> str:
    """The Markdown page."""
    parts = ["# Our engine beside other libraries", machine(command), EXPLANATION]
    races, memory, scaling = (tables[name] for name in ("results", "memory", "scaling"))
    for model in races["model"].unique() if len(races) else ():
        parts += [f"## {MODEL_TITLES[model]}", _race_table(races[races["model"] == model])]
    if len(races):
        parts.append("![Ratios by sweep and number of prompts](ratios.png)")
    if len(scaling):
        parts += ["## How our time grows (GPT-2's shape)", _scaling_table(scaling), "![Scaling](scaling.png)"]
    if len(memory):
        parts += ["## Peak memory beyond the loaded model (MiB, each in a process of its own)", _memory_table(memory)]
    return "\n\n".join(parts) + "\n"


def machine(command: str) -> str:
    """Which machine, versions, date and command."""
    packages = ("torch", "transformers", "transformer-lens", "nnsight", "pyvene")
    versions = ", ".join(f"{name} {found}" for name in packages if (found := _version(name)))
    gpu = f"{torch.cuda.get_device_name()}, " if torch.cuda.is_available() else ""
    return (
        f"{date.today().isoformat()}, `{command}`: {gpu}{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, "
        f"float32; Python {platform.python_version()}, {versions}."
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _race_table(races: pd.DataFrame) -> str:
    rivals = [name for name in races["contestant"].unique() if name != races["contestant"].iloc[0]]
    rows = []
    for (sweep, prompts, length, prefix), case in races.groupby(CASE[2:], sort=False):
        ours, others = case.iloc[0], case.set_index("contestant")
        # A rival that is not installed any more when part of the cases ran has no cell.
        cells = [_against(others.loc[name]) if name in others.index else "" for name in rivals]
        kind = f"{TITLES[sweep]} | {prompts} × {length} | {prefix or '–'} | {ours['cells']}"
        rows.append([kind, _seconds(ours), *cells, f"{ours['floor_frac']:.0%}"])
    return _table(["sweep | prompts × tokens | prefix | cells", "interp", *rivals, "floor / interp"], rows)


def _against(row: pd.Series) -> str:
    return f"**{row['ratio']:.3g}×** [{row['ratio_min']:.3g}–{row['ratio_max']:.3g}], {_seconds(row)}"


def _seconds(row: pd.Series) -> str:
    measured = f" (from {row['cells_measured']} cells)" if row["extrapolated"] else ""
    return f"{row['seconds_median']:.3g} s{measured}"


def _scaling_table(scaling: pd.DataFrame) -> str:
    rows = [
        [
            TITLES[row["sweep"]],
            row["n_layers"],
            row["n_prompts"],
            row["length"],
            _seconds(row),
            f"{row['floor_frac']:.0%}",
        ]
        for _, row in scaling.iterrows()
    ]
    return _table(["sweep", "layers", "prompts", "tokens", "interp", "floor / interp"], rows)


def _memory_table(memory: pd.DataFrame) -> str:
    who = list(memory["contestant"].unique())
    rows = []
    for (model, sweep, prompts, length), case in memory.groupby(["model", "sweep", "n_prompts", "length"], sort=False):
        peak = case.set_index("contestant")["peak_mib"]
        cells = ["not known" if pd.isna(peak.get(name)) else f"{peak[name]:.0f}" for name in who]
        rows.append([MODEL_TITLES[model], TITLES[sweep], f"{prompts} × {length}", *cells])
    return _table(["model", "sweep", "prompts × tokens", *who], rows)


def _table(head: list[str], rows: Iterable[list[object]]) -> str:
    width = len(" | ".join(head).split(" | "))
    lines = [" | ".join(head), " | ".join(["---"] * width), *(" | ".join(str(cell) for cell in row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)
