"""The chapter of a kind that has none of its own: every quantity that its runs conclude, those with intervals drawn first."""

from __future__ import annotations

from collections.abc import Sequence

from interp.report.story import Section
from interp.runs.chapter import MOST_TOLD, Chapter, Layout, Point, cells_of
from interp.runs.shown import Shown, forest_of, summary_block, summary_table
from interp.words.phrases import plural

DRAWN = 3


def chapter(points: Sequence[Point], layout: Layout) -> Chapter:
    """What many runs of any kind say together."""
    cells = cells_of(layout, points)
    known = {name: quantity for point in reversed(points) for name, quantity in point.quantities.items()}
    # A stable sort: in the order of the run, those with an interval before those without.
    names = sorted(known, key=lambda name: known[name].low is None)
    shown = [Shown(name, {"": name}) for name in names]
    if not shown:
        return Chapter(["The runs conclude no numbers, so there is nothing to tell together."], [])
    told, summary = shown[:DRAWN], summary_table(cells, shown)
    listed = summary_block(cells, told, summary_table(cells, told))
    left = len(shown) - len(told)
    said = f"{plural(left, 'further number')}: results.csv and summary.csv." if left else ""
    return Chapter(
        answer=[
            f"{cell.words}: {_told(told, row)}."
            for cell, row in list(zip(cells, listed.rows, strict=False))[:MOST_TOLD]
        ],
        sections=[Section("Quantities", text=[said] if said else [], figures=["forest"], tables=[listed])],
        figures={"forest": forest_of(cells, told, "Quantities")},
        tables={"summary.csv": summary},
        columns=[group.words for group in told],
        cells={point.name: [group.of(point.quantity(group.words)) for group in told] for point in points},
        files={"summary.csv": "every quantity by cell: mean, interval and spread over points"},
    )


def _told(shown: Sequence[Shown], row: Sequence[str]) -> str:
    return "; ".join(f"{group.words} {text}" for group, text in zip(shown, row[-len(shown) :], strict=True))
