"""report.md and report.html from the tables of a run, its figures and a recipe's story. No model, no network."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from markupsafe import escape as escape_html

from interp.configs.paths import with_shown_paths
from interp.figures.base import Saved
from interp.report import escape, interactive
from interp.report.definitions import DEFINITIONS, SOURCES
from interp.report.facts import gather, precision_caveat
from interp.report.fonts import font_faces
from interp.report.methods import Methods
from interp.report.story import Section, Story, TableBlock
from interp.report.svg import inline
from interp.results import atomic, reading
from interp.results.manifest import Manifest
from interp.results.tables import RunTables
from interp.words.numbers import is_number
from interp.words.visible import visible, visible_token

STYLE = Path(__file__).parent / "templates" / "report.css"
COLUMN_REM = 46.0
REM_PER_INCH = 6.7  # a figure as wide as a journal's page fills the column

UNBROKEN = re.compile(r"\[[−\d.,% ]{1,24}\]|\bL\d+-H\d+\b|[−\d.,]*\d %")

FILES = {
    "config.yaml": "the config as given",
    "config.resolved.yaml": "the config with every default filled in",
    "manifest.json": "versions, seed, hashes, times, status",
    "prompts.parquet": "every prompt pair with tokens, roles and metrics",
    "effects.parquet": "the primary record: one row per intervention and prompt",
    "summary.csv": "means with intervals, one row per intervention",
    "candidates.csv": "how the model does on every candidate prompt, before any filter",
    "dropped.csv": "every prompt left out, and why",
    "metrics.json": "what each probe concluded",
    "figures/": "every figure as png, pdf and svg, with its numbers as csv",
}


@dataclass(frozen=True)
class Page:
    """A report that is no single run of probes: its story, and what every report must state."""

    story: Story
    facts: list[tuple[str, str]]
    definitions: dict[str, str]
    commands: str
    reproduction: list[tuple[str, str]]
    config: str
    files: dict[str, str]
    methods: Methods | None = None


def write_report(
    folder: Path, tables: RunTables, story: Story, figures: list[Saved], methods: Methods | None = None
) -> None:
    """Write report.md and report.html into the run folder, atomically; the same folder gives the same bytes."""
    manifest = Manifest.model_validate(reading.read_json(folder / "manifest.json"))
    resolved = with_shown_paths(reading.read_text(folder / "config.resolved.yaml"))
    after = ["The run", "Prompts", "What was left out", *_told(methods), "Definitions", "Reproduce"]
    facts = gather(tables, manifest, resolved)
    # What a run's prompts should be read with is no matter of the recipe.
    notes = [*precision_caveat(tables.run), *tables.run.notes]
    story = dataclasses.replace(story, caveats=[*story.caveats, *notes])
    extra = {"facts": facts, "files": FILES, "definitions": DEFINITIONS, "sources": SOURCES, "methods": methods}
    _write(folder, "report", story, figures, ["Tokens"], after, extra, interactive.attention(tables))


def write_page(folder: Path, page: Page, figures: list[Saved]) -> None:
    """Write report.md and report.html of a page."""
    shown = dataclasses.replace(page, config=with_shown_paths(page.config))
    after = ["The run", *_told(page.methods), "Definitions", "Reproduce"]
    _write(folder, "page", page.story, figures, [], after, {"page": shown, "methods": page.methods})


def write_index(path: Path, title: str, note: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write a page that lists runs: `entries` have name, link, folder, status, why, date, model, kind, task and answer."""
    made = _environment(html=True).get_template("index.html.j2")
    atomic.write_text(path, made.render({"title": title, "note": note, "entries": entries, **_assets()}))


def _told(methods: Methods | None) -> list[str]:
    return ["Methods"] if methods else []


def _write(
    folder: Path,
    template: str,
    story: Story,
    figures: list[Saved],
    before: list[str],
    after: list[str],
    extra: dict[str, Any],
    attention: interactive.Maps | None = None,
) -> None:
    story = _without_empty_sections(_with_every_figure(story, [figure.stem for figure in figures]))
    shown = {
        "story": story,
        "figures": {figure.stem: figure for figure in figures},
        **_lively(figures, attention),
        "headings": _headings(story, before, after),
        **extra,
    }
    for ending in ("md", "html"):
        made = _environment(html=ending == "html").get_template(f"{template}.{ending}.j2")
        atomic.write_text(folder / f"report.{ending}", made.render(shown))


def _lively(figures: list[Saved], attention: interactive.Maps | None) -> dict[str, Any]:
    """The figures as they stand in the page, what its script reads, and the script with the hash that lets it run."""
    tables, shown, characters = interactive.csv_links(figures), {}, set()
    for place, figure in enumerate(figures, 1):
        svg, used = inline(figure.file("svg"), f"f{place}", f"{figure.title}. {figure.caption}")
        characters |= used
        links = {ending: interactive.beside(figure, ending) for ending in ("svg", "pdf", "png")}
        width = round(min(COLUMN_REM, figure.width_inches * REM_PER_INCH), 1)
        shown[figure.stem] = {"svg": svg, "width": width, "links": {**links, "csv": tables[figure.stem]}}
    data = {"spots": interactive.spots(figures), **({"attention": attention} if attention else {})}
    return {
        "shown": shown,
        "fonts": font_faces(characters),
        "data": {name: interactive.as_json(part) for name, part in data.items()},
        **_assets(),
    }


def _assets() -> dict[str, Markup]:
    """What every page has: its style, and its one script with the hash that lets it run."""
    script = interactive.script()
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return {
        "css": Markup(STYLE.read_text(encoding="utf-8")),
        "script": Markup(script),
        "script_hash": Markup(f"sha256-{digest}"),
    }


def _with_every_figure(story: Story, stems: list[str]) -> Story:
    """No drawn figure is lost: those that no section names come last. A section cannot name one that was not drawn."""
    named = [stem for section in story.sections for stem in section.figures]
    if missing := sorted(set(named) - set(stems)):
        raise ValueError(
            f"the story names figures that were not drawn: {', '.join(missing)}; drawn: {', '.join(stems)}"
        )
    rest = [stem for stem in stems if stem not in named]
    if not rest:
        return story
    return dataclasses.replace(story, sections=[*story.sections, Section(title="Further figures", figures=rest)])


def _without_empty_sections(story: Story) -> Story:
    """No heading stands above nothing: what a section shows depends on the probes that ran."""
    told = [part for part in story.sections if part.text or part.figures or any(block.rows for block in part.tables)]
    return dataclasses.replace(story, sections=told)


def _headings(story: Story, before: list[str], after: list[str]) -> dict[str, list[tuple[str, str]]]:
    """(anchor, title) of every part, in the order of the page: before, in and after the recipe's own sections."""
    before = [*before, *(["Observations"] if story.observations else [])]
    before += ["Before you quote this"] if story.caveats else []
    own = [section.title for section in story.sections]
    # The fixed parts choose their anchors first, so that links to them hold in every report.
    fixed = dict(zip([*before, *after], escape.anchors([*before, *after, *own]), strict=False))
    mine = escape.anchors([*before, *after, *own])[len(fixed) :]
    return {
        "before": [(fixed[title], title) for title in before],
        "own": list(zip(mine, own, strict=True)),
        "after": [(fixed[title], title) for title in after],
    }


def _environment(html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("interp.report"),
        autoescape=html,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        **{
            "cell": escape.cell,
            "plain": escape.plain,
            "label": escape.label,
            "code": escape.code,
            "fence": escape.fence,
        },
        **{"numeric": _numeric, "prose": _prose, "token": visible_token},
    )
    return environment


def _visible(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _prose(text: str) -> Markup:
    """A sentence whose numbers, intervals and head names are kept on one line."""
    held = re.sub(UNBROKEN, r'<span class="nb">\g<0></span>', str(escape_html(visible(text))))
    return Markup(held)  # escaped one line above


def _numeric(block: TableBlock) -> list[bool]:
    """Which columns hold numbers alone."""
    return [
        name not in block.verbatim
        and any(row[place] for row in block.rows)
        and all(is_number(row[place]) for row in block.rows)
        for place, name in enumerate(block.columns)
    ]
