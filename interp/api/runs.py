"""`interp.read`: a finished run of any kind, from its folder."""

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
from interp.results import reading
from interp.results.run_folder import RESOLVED, RunFolder
from interp.results.tables import RunTables
from interp.runs.kinds import kind_of, publish_any


def read(folder: str | Path) -> FinishedRun:
    """A finished run; of a run of probes, with what they measured (`ProbesRun`).

    Args:
        folder: `runs/NAME/HASH`, or `runs/NAME` where it holds one run.

    Raises:
        UserError: the folder holds no run, several, or one that is not finished.
    """
    if not isinstance(folder, str | Path):
        raise UserError(f"a run is read from its folder, runs/NAME/HASH, not from {quoted(folder)}")
    run = RunFolder.existing(user_path(folder, "folder"))
    path, status = run.path, run.manifest().status
    if status != "finished":
        raise UserError(
            f"{path} is not finished ({status or 'its manifest is missing or damaged'}); run it to its end first"
        )
    config = reading.read_yaml(path / RESOLVED)
    return (ProbesRun if config.get("study", "circuit") == "circuit" else FinishedRun)(path, config)


class FinishedRun:
    """A finished run: its config, its tables (docs/tables.md), its report."""

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        self.path = path
        self.config = config
        """The YAML with every default filled in."""

    @property
    def tables(self) -> dict[str, Any]:
        """Every table that the run left, by its file's name: a frame, or of a .json file what it holds."""
        readers = {".csv": reading.read_csv, ".parquet": reading.read_parquet, ".json": reading.read_json}
        names = kind_of(self.config, str(self.path)).tables
        return {name: readers[Path(name).suffix](self.path / name) for name in names if Path(name).suffix in readers}

    def report(self) -> Report:
        """Draw figures and report again, without the model; it shows itself in a notebook."""
        return Report(publish_any(self.path, Console(quiet=True)))

    def __repr__(self) -> str:
        return f"<run {self.config['name']} ({self.config.get('study', 'circuit')}): {self.path}>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self)[1:-1])}</p>"


class ProbesRun(FinishedRun):
    """A finished run of probes: its tables as frames, and what it concluded."""

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        super().__init__(path, config)
        self._tables = RunTables.load(path)

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
    def candidates(self) -> pd.DataFrame:
        """How the model does on every candidate that could be asked, before any filter."""
        return self._tables.candidates

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

    def __repr__(self) -> str:
        run = self._tables.run
        return f"<run {run.name} of {run.model.name}: {run.n_prompts} prompts, {', '.join(self._tables.kinds)}; {self.path}>"


class Report:
    """A report that has been drawn: a path (`open`, `str`), and in a notebook the page itself."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"<report {self.path}>"

    def _repr_html_(self) -> str:
        page = html.escape(reading.read_text(self.path), quote=True)
        return f'<iframe srcdoc="{page}" sandbox style="width: 100%; height: 40em; border: 1px solid #ccc"></iframe>'
