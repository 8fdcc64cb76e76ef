"""The report of a sweep: figures, sentences and tables from the results of its finished points; no model is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from interp.configs.lazy import lazy
from interp.configs.paths import shown_path
from interp.figures.base import Drawn, save
from interp.report.definitions import DEFINITIONS
from interp.report.facts import reproduction
from interp.report.render import DrawnFile, Page, write_page
from interp.report.story import Section, Story
from interp.report.terminal import print_answer
from interp.results import reading
from interp.results.manifest import Manifest
from interp.results.run_folder import RESOLVED, RunFolder
from interp.sweep import figures
from interp.sweep.cells import Cell, Found, axes_of, cells_of, found_points, repeats_of
from interp.sweep.sentences import answer, caveats, observations
from interp.sweep.store import State, Store
from interp.sweep.summary import ratio_table, summary_table
from interp.sweep.tables import failures, points_block, ratios_block, summary_block

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

FILES = {
    "config.yaml, config.resolved.yaml": "the sweep as given; as it was read",
    "index.json, configs.jsonl": "every point: its levels and its hash; its whole config",
    "results.parquet, results.csv": "one row a finished point and quantity",
    "points.csv": "one row a point: what became of it, why, and its folder",
    "summary.csv, ratios.csv": "points that repeat each other together; ratios to the reference",
    "figures/": "every figure as png, pdf and svg, with its numbers as csv",
    "events/, logs/": "what happened when; what the processes printed",
}
TOLD = ("Key→query edge", "Held out", "Joint share", "Absolute share, net share", "Interval")
OWN = {
    "Point": "One run: the sweep's YAML with some fields changed. Every point has a folder, tables and (on demand) a "
    "report of its own.",
    "Together": (
        "Points that differ in their repetitions alone (seeds, wordings): their prompts are pooled, and word pairs are "
        "drawn with "
        "all their prompts over all of these points. The interval is one of other word pairs; how far the points lie "
        "apart stands "
        "beside it (SD, range)."
    ),
    "Ratio": (
        "Heads that the reference needs over heads that the other level needs, in points that are alike but for that "
        "axis. Each point "
        "is measured on the prompts that its own model passes, so both sides are resampled independently of each other."
    ),
}


def publish(store: Store, states: dict[str, State], console: Console) -> Path:
    """Draw the figures, write report.md and report.html, print the answer; the path of report.html."""
    points = found_points(store, states)
    cells = cells_of(store, points)
    summary = summary_table(cells)
    reference = store.about["reference"]
    compared = None if reference is None else ratio_table(points, reference["axis"], reference["level"])
    with RunFolder.existing(store.path) as folder:
        folder.write_table("summary.csv", summary)
        if compared is not None:
            folder.write_table("ratios.csv", compared)
        drawn = _figures(store, points, cells, summary, compared)
        files = [_saved(folder.path, stem, made) for stem, made in drawn.items()]
        story = _story(store, states, points, cells, summary, compared, list(drawn))
        config = reading.read_text(folder.path / RESOLVED)
        said = Manifest(
            status="collected",
            name=store.about["name"],
            config_hash=folder.config_hash,
            overrides=store.about["overrides"],
            seconds=sum(one.seconds for one in states.values()),
        )
        folder.write_manifest(said)
        definitions = {**OWN, **{name: DEFINITIONS[name] for name in TOLD if name in DEFINITIONS}}
        page = Page(
            story, _facts(store, states, points), definitions, _commands(store), _told(folder.manifest()), config, FILES
        )
        write_page(folder.path, page, files)
    report = store.path / "report.html"
    print_answer(console, story, report)
    return report


def _story(
    store: Store,
    states: dict[str, State],
    points: Sequence[Found],
    cells: Sequence[Cell],
    summary: pd.DataFrame,
    compared: pd.DataFrame | None,
    drawn: list[str],
) -> Story:
    sections = [Section("Effects", figures=_of(["forest"], drawn), tables=[summary_block(summary, cells)])]
    if "heads_needed" in drawn:
        sections.append(Section("Heads needed", figures=_of(["heads_needed", "grid"], drawn)))
    elif "grid" in drawn:
        sections.append(Section("The grid", figures=["grid"]))
    if compared is not None and not compared.empty:
        reference = store.about["reference"]
        block = ratios_block(compared, reference["level"])
        sections.append(Section(f"Ratios to {reference['level']}", figures=_of(["ratios"], drawn), tables=[block]))
    sections.append(Section("Every point", tables=[points_block(store, states, points), *failures(store, states)]))
    return Story(
        title=store.about["title"],
        question=store.about["question"] or "What do the points of this sweep say together?",
        answer=answer(store, states, cells, summary, compared),
        observations=observations(cells, summary),
        caveats=caveats(store, states, points, cells),
        sections=sections,
    )


def _figures(
    store: Store, points: Sequence[Found], cells: Sequence[Cell], summary: pd.DataFrame, compared: pd.DataFrame | None
) -> dict[str, Drawn]:
    """Every figure that the finished points can feed."""
    if not points:
        return {}
    varied = [axis for axis in axes_of(store.entries) if len({one.labels.get(axis) for one in store.entries}) > 1]
    repeats, reference = repeats_of(store), store.about["reference"]
    main = [axis for axis in varied if axis not in repeats]
    colour = reference["axis"] if reference is not None else (main[0] if main else None)
    made = {"forest": figures.forest(cells, summary)}
    if any(one.needed is not None for one in points):
        made["heads_needed"] = figures.heads_needed(cells, colour)
    both = [*main, *(axis for axis in varied if axis in repeats)][:2]
    if len(both) == 2:
        made["grid"] = figures.grid(points, both[0], both[1])
    if compared is not None and reference is not None and compared["ratio"].notna().any():
        made["ratios"] = figures.ratios(compared, reference["axis"], reference["level"])
    return made


def _saved(folder: Path, stem: str, made: Drawn) -> DrawnFile:
    save(made, folder / "figures", stem)
    png = folder / "figures" / f"{stem}.png"
    return DrawnFile(stem, made.title, made.caption, png, float(made.figure.get_figwidth()))


def _facts(store: Store, states: dict[str, State], points: Sequence[Found]) -> list[tuple[str, str]]:
    names = list(dict.fromkeys(one.run.model.name for one in points))
    axes = axes_of(store.entries)
    levels = {
        axis: list(dict.fromkeys(one.labels[axis] for one in store.entries if axis in one.labels)) for axis in axes
    }
    counts: dict[str, int] = {}
    for one in states.values():
        counts[one.status] = counts.get(one.status, 0) + 1
    return [
        ("points", ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items()))),
        *((f"axis {axis}", _some(found)) for axis, found in levels.items()),
        ("repetitions", ", ".join(repeats_of(store)) or "none"),
        ("models", _some(names) if names else "none"),
    ]


def _some(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _commands(store: Store) -> str:
    folder = shown_path(store.path)
    config = shown_path(store.about["config"])
    sets = "".join(f" --set '{one}'" for one in store.about["overrides"])
    return (
        f"interp sweep run {config}{sets}\n\n# draw this page again, without the models\ninterp sweep collect {folder}\n\n"
        f"# the report of one point\ninterp report {shown_path(store.path.parent)}/points/POINT/HASH"
    )


def _told(manifest: Manifest) -> list[tuple[str, str]]:
    """What the numbers depend on; threads and times are the points' own."""
    return [(name, text) for name, text in reproduction(manifest) if name not in ("machine", "seed")]


def _of(wanted: list[str], drawn: list[str]) -> list[str]:
    return [stem for stem in wanted if stem in drawn]
