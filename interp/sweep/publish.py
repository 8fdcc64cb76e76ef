"""The report of a sweep: a chapter for each of its kinds of run, and what became of every point; no model is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from interp.configs.paths import shown_path
from interp.figures.base import save
from interp.report.facts import reproduction
from interp.report.render import Page, write_page
from interp.report.story import Section, Story
from interp.report.terminal import print_answer
from interp.results import reading, sealed
from interp.results.manifest import Manifest
from interp.results.run_folder import MANIFEST, RESOLVED, RunFolder
from interp.runs.chapter import Chapter, Point
from interp.runs.kinds import RunKind
from interp.sweep.layout import axes_of, layout_of
from interp.sweep.store import State, Store
from interp.sweep.tables import failures, points_block
from interp.words.phrases import plural

FILES = {
    "config.yaml, config.resolved.yaml": "the sweep as given; as it was read",
    "index.json, configs.jsonl": "every point: its levels and its hash; its whole config",
    "results.parquet, results.csv": "one row a finished point and quantity",
    "points.csv": "one row a point: what became of it, why, and its folder",
}
LAST = {
    "figures/": "every figure as png, pdf and svg, with its numbers as csv",
    "events/, logs/": "what happened when; what the processes printed",
}
POINT = {
    "Point": "One run: the sweep's YAML with some fields changed. Every point has a folder, tables and (on demand) a "
    "report of its own.",
}


def publish(
    store: Store, states: dict[str, State], by_kind: dict[str, list[tuple[Point, RunKind, str]]], console: Console
) -> Path:
    """Draw the figures, write report.md and report.html, print the answer; the path of report.html."""
    layout = layout_of(store)
    written = {name: each[0][1].chapter([point for point, _, _ in each], layout) for name, each in by_kind.items()}
    chapters = (
        list(written.values()) if len(written) == 1 else [_apart(kind, chapter) for kind, chapter in written.items()]
    )
    with RunFolder.existing(store.path) as folder:
        for chapter in chapters:
            for name, table in chapter.tables.items():
                folder.write_table(name, table)
        files = [
            save(made, folder.path / "figures", stem) for chapter in chapters for stem, made in chapter.figures.items()
        ]
        points = [point for each in by_kind.values() for point, _, _ in each]
        story = _story(store, states, points, chapters)
        config = reading.read_text(folder.path / RESOLVED)
        said = Manifest(
            status="collected",
            name=store.about["name"],
            config_hash=folder.config_hash,
            overrides=store.about["overrides"],
            seconds=sum(state.seconds for state in states.values()),
        )
        folder.write_manifest(said)
        definitions = {**POINT, **{name: text for chapter in chapters for name, text in chapter.definitions.items()}}
        listed = {**FILES, **{name: text for chapter in chapters for name, text in chapter.files.items()}, **LAST}
        page = Page(
            story,
            _facts(store, states, layout.repeats, chapters),
            definitions,
            _commands(store),
            _told(folder.manifest()),
            config,
            listed,
        )
        write_page(folder.path, page, files)
    report = store.path / "report.html"
    print_answer(console, story, report)
    return report


def _apart(kind: str, chapter: Chapter) -> Chapter:
    """A chapter beside those of other kinds: its sections, figures and tables bear the kind's name."""

    def named(section: Section) -> Section:
        stems = [f"{kind}-{stem}" for stem in section.figures]
        return replace(section, title=f"{section.title} ({kind})", figures=stems)

    return replace(
        chapter,
        answer=[f"{kind}: {sentence}" for sentence in chapter.answer],
        sections=[named(section) for section in chapter.sections],
        figures={f"{kind}-{stem}": made for stem, made in chapter.figures.items()},
        tables={f"{kind}-{name}": table for name, table in chapter.tables.items()},
        files={
            ", ".join(f"{kind}-{name}" for name in names.split(", ")): text for names, text in chapter.files.items()
        },
    )


def _story(store: Store, states: dict[str, State], points: Sequence[Point], chapters: Sequence[Chapter]) -> Story:
    last = Section("Every point", tables=[points_block(store, states, chapters), *failures(store, states)])
    done = sum(1 for state in states.values() if state.status == "finished")
    unfinished = [f"{done} of {plural(len(states), 'point')} are finished; the others are listed below."]
    return Story(
        title=store.about["title"],
        question=store.about["question"] or "What do the points of this sweep say together?",
        answer=[
            *(sentence for chapter in chapters for sentence in chapter.answer),
            *(unfinished if done < len(states) else []),
        ],
        observations=[sentence for chapter in chapters for sentence in chapter.observations],
        caveats=[*_caveats(states, points), *(sentence for chapter in chapters for sentence in chapter.caveats)],
        sections=[*(section for chapter in chapters for section in chapter.sections), last],
    )


def _caveats(states: dict[str, State], points: Sequence[Point]) -> list[str]:
    """What must be known before a number of any sweep is quoted."""
    said = []
    wrong = sum(1 for state in states.values() if state.status in ("refused", "failed"))
    if wrong:
        were = "was" if wrong == 1 else "were"
        said.append(
            f"{plural(wrong, 'point')} failed or {were} refused. What a point cannot do is missing from every mean, so cells do "
            "not all rest on the same points."
        )
    if len({_code(point) for point in points}) > 1:
        said.append("The points were measured by more than one version of the code (see each manifest).")
    return said


def _code(point: Point) -> str:
    try:
        code: dict[str, str] = sealed.read(point.folder / MANIFEST).get("code", {})
    except reading.Damaged:
        return ""
    return code.get("the code of interp", "")


def _facts(
    store: Store, states: dict[str, State], repeats: Sequence[str], chapters: Sequence[Chapter]
) -> list[tuple[str, str]]:
    names = list(dict.fromkeys(name for chapter in chapters for name in chapter.models))
    axes = axes_of(store.entries)
    levels = {
        axis: list(dict.fromkeys(entry.labels[axis] for entry in store.entries if axis in entry.labels))
        for axis in axes
    }
    counts: dict[str, int] = {}
    for state in states.values():
        counts[state.status] = counts.get(state.status, 0) + 1
    return [
        ("points", ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items()))),
        *((f"axis {axis}", _some(on_axis)) for axis, on_axis in levels.items()),
        ("repetitions", ", ".join(repeats) or "none"),
        *([("models", _some(names))] if names else []),
    ]


def _some(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _commands(store: Store) -> str:
    folder = shown_path(store.path)
    config = shown_path(store.about["config"])
    sets = "".join(f" --set '{override}'" for override in store.about["overrides"])
    return (
        f"interp sweep run {config}{sets}\n\n# draw this page again, without the models\ninterp sweep collect {folder}\n\n"
        f"# the report of one point\ninterp report {shown_path(store.path.parent)}/points/POINT/HASH"
    )


def _told(manifest: Manifest) -> list[tuple[str, str]]:
    """What the numbers depend on; threads and times are the points' own."""
    return [(name, text) for name, text in reproduction(manifest) if name not in ("machine", "seed")]
