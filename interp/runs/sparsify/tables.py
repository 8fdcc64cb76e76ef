"""The tables of a finished training run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from interp.results import reading
from interp.results.manifest import Manifest
from interp.results.run_folder import RESOLVED, RunFolder

TABLES = ("log.csv", "frontier.csv", "baseline.csv", "heads.csv", "lengths.csv", "prompts.csv")


@dataclass(frozen=True)
class TrainingTables:
    """Everything that a finished training run wrote."""

    log: pd.DataFrame
    stages: pd.DataFrame
    baseline: pd.DataFrame
    heads: pd.DataFrame
    lengths: pd.DataFrame
    prompts: pd.DataFrame
    manifest: Manifest
    config: dict[str, Any]

    @property
    def untrained(self) -> pd.DataFrame:
        """The gates without training, on sequences of the length that was trained on."""
        return self.baseline[self.baseline["length"] == self.config["text"]["context"]]

    @classmethod
    def load(cls, folder: RunFolder) -> TrainingTables:
        """Read a run folder; UserError when a table is missing or damaged."""
        log, stages, baseline, heads, lengths, prompts = (_table(folder.path / name) for name in TABLES)
        config = reading.read_yaml(folder.path / RESOLVED)
        if "length" not in baseline:  # of a run from before lengths were measured
            baseline = baseline.assign(length=config["text"]["context"])
        return cls(log, stages, baseline, heads, lengths, prompts, folder.manifest(), config)


def write_log(folder: RunFolder, log: pd.DataFrame) -> None:
    """log.csv; what each step took stands apart in times.csv, so that the same config writes the same log."""
    folder.write_table("times.csv", log[["step", "seconds"]])
    folder.write_table("log.csv", log.drop(columns="seconds"))


def means_over_prompts(prompts: pd.DataFrame) -> dict[str, float]:
    """Means of prompts.csv over its wordings, each weighted by its prompts."""
    weights = prompts["prompts"] / prompts["prompts"].sum()
    return {
        name: float((prompts[name] * weights).sum()) for name in prompts.columns if name not in ("template", "tokens")
    }


def _table(path: Path) -> pd.DataFrame:
    if reading.read_text(path).strip():
        return reading.read_csv(path)
    # A run without untrained gates, or without a task.
    return pd.DataFrame(columns=["gate", "bias", "density", "above_dense", "kl"], dtype=float)
