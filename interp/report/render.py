"""report.md and report.html from the tables of a run, its figures and a recipe's story. No model, no network."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from interp.report.definitions import DEFINITIONS
from interp.report.facts import Facts, gather
from interp.report.story import Story
from interp.results import atomic
from interp.results.tables import RunTables

FILES = {
    "config.yaml": "the config as given",
    "config.resolved.yaml": "the config with every default filled in",
    "manifest.json": "versions, seed, hashes, times, status",
    "prompts.parquet": "every prompt pair with tokens, roles and metrics",
    "effects.parquet": "the primary record: one row per intervention and prompt",
    "summary.csv": "means with intervals, one row per intervention",
    "dropped.csv": "every prompt left out, and why",
    "metrics.json": "what each probe concluded",
    "figures/": "every figure as png, pdf and svg, with its numbers as csv",
}


@dataclass(frozen=True)
class DrawnFile:
    """A figure that has been saved."""

    stem: str
    title: str
    caption: str
    png: Path
    width_inches: float


def write_report(folder: Path, tables: RunTables, story: Story, figures: list[DrawnFile]) -> None:
    """Write report.md and report.html into the run folder, atomically."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    resolved = (folder / "config.resolved.yaml").read_text(encoding="utf-8")
    by_stem = {figure.stem: figure for figure in figures}
    facts = gather(tables, manifest, resolved)
    for name, escape in (("report.md", False), ("report.html", True)):
        atomic.write_text(folder / name, _render(name, escape, story, facts, by_stem))


def _render(name: str, escape: bool, story: Story, facts: Facts, figures: dict[str, DrawnFile]) -> str:
    environment = Environment(
        loader=PackageLoader("interp.report"),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(cell=_cell, plain=_plain, code=_code, picture=_picture, slug=_slug)
    # Figures keep their printed proportions: a page-wide one fills the column.
    widths = {stem: round(min(46.0, figure.width_inches * 6.7), 1) for stem, figure in figures.items()}
    template = environment.get_template(f"{name}.j2")
    return template.render(
        story=story, facts=facts, figures=figures, files=FILES, definitions=DEFINITIONS, widths=widths
    )


def _plain(text: Any) -> str:
    """Text that Markdown shows literally."""
    for sign in "\\`*_{}[]<>#|$~":
        text = str(text).replace(sign, f"\\{sign}")
    return str(text).replace("\n", " ")


def _cell(text: Any) -> str:
    """A cell of a Markdown table."""
    return _plain(text) or " "


def _code(text: str) -> str:
    """A Markdown code span around text that may hold backticks; a pipe would end a table cell."""
    ticks = "`" * (1 + max((len(run) for run in "".join(c if c == "`" else " " for c in text).split()), default=0))
    pad = " " if "`" in text or text.startswith(" ") or text.endswith(" ") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}".replace("|", "\\|").replace("\n", "⏎")


def _picture(figure: DrawnFile) -> str:
    """A PNG as a data URI."""
    return "data:image/png;base64," + base64.b64encode(figure.png.read_bytes()).decode("ascii")


def _slug(text: str) -> str:
    """An id for a heading."""
    return "".join(sign if sign.isalnum() else "-" for sign in text.lower()).strip("-")
