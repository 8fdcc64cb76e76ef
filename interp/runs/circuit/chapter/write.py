"""The chapter on runs of probes: effects, heads needed, the grid, ratios to the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interp.configs.lazy import lazy
from interp.figures.base import Drawn
from interp.report.definitions import DEFINITIONS
from interp.report.story import Section
from interp.runs.chapter import Cell, Chapter, Layout, Point, cells_of
from interp.runs.circuit.chapter import figures
from interp.runs.circuit.chapter.found import Found
from interp.runs.circuit.chapter.sentences import answer, caveats, observations
from interp.runs.circuit.chapter.summary import ratio_table, summary_table
from interp.runs.circuit.chapter.tables import COLUMNS, COLUMNS_NOTE, numbers_of, ratios_block, summary_block

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

TOLD = ("Key→query edge", "Held out", "Joint share", "Absolute share, net share", "Interval")
OWN = {
    "Together": (
        "Points that differ in their repetitions alone (seeds, wordings): their prompts are pooled, and word pairs are "
        "drawn with all their prompts over all of these points. The interval is one of other word pairs; how far the points lie "
        "apart stands beside it (SD, range)."
    ),
    "Ratio": (
        "Heads that the reference needs over heads that the other level needs, in points that are alike but for that "
        "axis. Each point is measured on the prompts that its own model passes, so both sides are resampled independently of "
        "each other."
    ),
}


def chapter(points: Sequence[Point], layout: Layout) -> Chapter:
    """What many runs of probes say together."""
    runs = [Found(point) for point in points]
    cells = cells_of(layout, runs)
    summary = summary_table(cells)
    compared = None if layout.reference is None else ratio_table(runs, *layout.reference)
    drawn = _figures(runs, cells, summary, compared, layout)
    return Chapter(
        answer=answer(layout, cells, summary, compared),
        observations=observations(cells, summary),
        caveats=caveats(layout, runs, cells),
        sections=_sections(cells, summary, compared, layout, drawn),
        figures=drawn,
        tables={"summary.csv": summary, **({} if compared is None else {"ratios.csv": compared})},
        columns=COLUMNS,
        cells={run.point.name: numbers_of(run) for run in runs},
        columns_note=COLUMNS_NOTE,
        definitions={**OWN, **{name: DEFINITIONS[name] for name in TOLD if name in DEFINITIONS}},
        files={"summary.csv, ratios.csv": "points that repeat each other together; ratios to the reference"},
        models=list(dict.fromkeys(run.run.model.name for run in runs)),
    )


def _sections(
    cells: Sequence[Cell[Found]],
    summary: pd.DataFrame,
    compared: pd.DataFrame | None,
    layout: Layout,
    drawn: dict[str, Drawn],
) -> list[Section]:
    sections = [Section("Effects", figures=["forest"], tables=[summary_block(summary, cells)])]
    if "heads_needed" in drawn:
        sections.append(Section("Heads needed", figures=[stem for stem in ("heads_needed", "grid") if stem in drawn]))
    elif "grid" in drawn:
        sections.append(Section("The grid", figures=["grid"]))
    if compared is not None and not compared.empty and layout.reference is not None:
        level = layout.reference[1]
        own = [stem for stem in ("ratios",) if stem in drawn]
        sections.append(Section(f"Ratios to {level}", figures=own, tables=[ratios_block(compared, level)]))
    return sections


def _figures(
    points: Sequence[Found],
    cells: Sequence[Cell[Found]],
    summary: pd.DataFrame,
    compared: pd.DataFrame | None,
    layout: Layout,
) -> dict[str, Drawn]:
    """Every figure that the finished points can feed."""
    made = {"forest": figures.effects(cells, summary)}
    if any(point.needed is not None for point in points):
        made["heads_needed"] = figures.heads_needed(cells, layout.coloured)
    both = [*layout.main, *(axis for axis in layout.varied if axis in layout.repeats)][:2]
    if len(both) == 2:
        made["grid"] = figures.grid(points, both[0], both[1])
    if compared is not None and layout.reference is not None and compared["ratio"].notna().any():
        made["ratios"] = figures.ratios(compared, *layout.reference)
    return made
