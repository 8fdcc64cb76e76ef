"""`interp.read`: a finished run, from its folder."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from interp.analysis.findings import Findings
from interp.configs.mistakes import quoted
from interp.configs.paths import user_path
from interp.errors import UserError
from interp.probes import probes
from interp.results.tables import RunTables


def read(folder: str | Path) -> FinishedRun:
    """A finished run of probes; UserError when the folder holds none."""
    if not isinstance(folder, str | Path):
        raise UserError(f"a run is read from its folder, runs/NAME/HASH, not from {quoted(folder)}")
    path = user_path(folder, "folder")
    return FinishedRun(path, RunTables.load(path))


class FinishedRun:
    """The tables of a run (docs/tables.md) as frames, what it concluded, and its report."""

    def __init__(self, path: Path, tables: RunTables) -> None:
        self.path = path
        self._tables = tables

    @property
    def effects(self) -> pd.DataFrame:
        """The primary record: one row an intervention and prompt."""
        return self._tables.effects

    @property
    def summary(self) -> pd.DataFrame:
        """Means with intervals, one row an intervention."""
        return self._tables.summary

    @property
    def prompts(self) -> pd.DataFrame:
        """One row a prompt pair."""
        return self._tables.prompts

    @property
    def dropped(self) -> pd.DataFrame:
        """Prompts that were left out, and why."""
        return self._tables.dropped

    @property
    def findings(self) -> dict[str, Findings]:
        """What each probe concluded, by its label: a class a kind, whose fields are those of metrics.json."""
        kinds = self._tables.kinds
        known = set(probes)
        return {
            label: self._tables.findings(label, probes[kind].findings if kind in known else Findings)
            for label, kind in kinds.items()
        }

    @property
    def config(self) -> dict[str, Any]:
        """The YAML with every default filled in."""
        return self._tables.config

    def report(self) -> Path:
        """Draw figures and report again, without the model; the path of report.html."""
        from interp.runs.kinds import publish_any

        return publish_any(self.path, Console(stderr=True, quiet=True))

    def __repr__(self) -> str:
        run = self._tables.run
        return f"<run {run.name} of {run.model.name}: {run.n_prompts} prompts, {self.path}>"

    def _repr_html_(self) -> str:
        labels = ", ".join(self._tables.kinds)
        return f"<p>{html.escape(repr(self)[1:-1])}<br>probes: {html.escape(labels)}</p>"
