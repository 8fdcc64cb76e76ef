"""Figures, sentences and the report of a finished run: from its tables alone, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter
from rich.console import Console

from interp.figures.base import Figure, Saved, drawn_texts, save
from interp.figures.fonts import warning
from interp.report.recipe import Recipe, recipes
from interp.report.render import write_report
from interp.report.terminal import print_answer
from interp.results import reading
from interp.results.run_folder import RunFolder
from interp.results.tables import RunTables
from interp.runs.circuit.assemble import TABLES, restore
from interp.runs.circuit.config import validate
from interp.runs.circuit.methods import after
from interp.runs.lifecycle import Kept


def publish(folder: RunFolder, console: Console) -> Path:
    """Draw every figure, write report.md and report.html, print the answer; returns the path of report.html."""
    tables = RunTables.load(folder.path)
    config = validate(tables.config, str(folder.path / "config.resolved.yaml"))
    recipe = config.experiment or _plain_recipe()
    drawn = [_draw(figure, tables, folder) for figure in config.figures or recipe.figures(tables)]
    if said := warning(drawn_texts(tables)):
        console.print(said, style="yellow", markup=False, highlight=False)
    story = recipe.story(tables, [file.stem for file in drawn])
    write_report(folder.path, tables, story, drawn, after(config, {"": tables}, folder.manifest()))
    report = folder.path / "report.html"
    print_answer(console, story, report)
    return report


def concluded(folder: RunFolder) -> Mapping[str, object]:
    """What metrics.json says of the run, and of every probe under its label."""
    metrics = reading.read_json(folder.path / "metrics.json")
    with reading.guarded(folder.path / "metrics.json"):
        return {"run": metrics["run"], **metrics["probes"]}


KEPT = Kept(TABLES, publish, restore, concluded=concluded)


def _draw(figure: Figure, tables: RunTables, folder: RunFolder) -> Saved:
    return save(figure.render(tables), folder.path / "figures", figure.stem)


def _plain_recipe() -> Recipe:
    return TypeAdapter(recipes["overview"]).validate_python({"kind": "overview"})
