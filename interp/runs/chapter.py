"""What a kind of run says of many of its runs: its chapter of a sweep's report, from their tables alone.

A kind names its chapter in `RunKind.chapter_at`; one that names none gets that of `interp.runs.plain_chapter`, which tells every
quantity that the run concludes. A sweep puts the chapters of its kinds together and adds what became of every point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

from interp.analysis.quantities import Quantity
from interp.configs.lazy import lazy
from interp.figures.base import Drawn
from interp.report.story import Section

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

MOST_ROWS = 60
"""Rows of a figure; of a larger sweep figures show cells alone, or their first rows."""
MOST_TOLD = 12
"""Cells that are told in a sentence."""
MOST_LINES = 200
"""Rows of a table on the page; the files hold all."""


@dataclass(frozen=True)
class Point:
    """A finished run of a sweep: its name, its level on every axis, its folder, and the quantities that it concludes."""

    name: str
    labels: dict[str, str]
    folder: Path
    quantities: dict[str, Quantity] = field(default_factory=dict)

    def quantity(self, name: str) -> Quantity:
        """A quantity by its name; without a value where the run has none."""
        return self.quantities.get(name, Quantity(name, None))


@dataclass(frozen=True)
class Layout:
    """The axes of a sweep: which have several levels, which repeat a measurement, and what ratios are taken to."""

    varied: tuple[str, ...]
    repeats: tuple[str, ...] = ()
    reference: tuple[str, str] | None = None
    """Axis and level."""

    @property
    def main(self) -> list[str]:
        """The axes that matter: of several levels, and no repetitions."""
        return [axis for axis in self.varied if axis not in self.repeats]

    @property
    def coloured(self) -> str | None:
        """The axis whose levels are told apart by colour."""
        return self.reference[0] if self.reference is not None else next(iter(self.main), None)


@runtime_checkable
class HasLabels(Protocol):
    """A point, or what a kind reads of one."""

    @property
    def labels(self) -> dict[str, str]:
        """Axis -> level."""


P = TypeVar("P", bound=HasLabels)


@dataclass(frozen=True)
class Cell(Generic[P]):
    """The finished points that share their levels on every axis that is no repetition."""

    levels: dict[str, str]
    points: list[P]

    @property
    def words(self) -> str:
        """`dense, opposite`."""
        return row_label(self.levels) or "all points"


def cells_of(layout: Layout, points: Sequence[P]) -> list[Cell[P]]:
    """The cells, in the order of the grid."""
    grouped: dict[tuple[tuple[str, str], ...], list[P]] = {}
    for point in points:
        levels = tuple((axis, level) for axis, level in point.labels.items() if axis not in layout.repeats)
        grouped.setdefault(levels, []).append(point)
    return [Cell(dict(levels), alike) for levels, alike in grouped.items()]


@dataclass(frozen=True)
class Chapter:
    """What is said, drawn and listed; `figures` by stem, `tables` by file name."""

    answer: list[str]
    sections: list[Section]
    figures: dict[str, Drawn] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    observations: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    """Of the table of points, for the numbers of this kind."""
    cells: dict[str, list[str]] = field(default_factory=dict)
    """Name of a point -> its cells under `columns`."""
    columns_note: str = ""
    definitions: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """What its tables hold."""
    models: list[str] = field(default_factory=list)


Write = Callable[[Sequence[Point], Layout], Chapter]


def singles_too(cells: Sequence[Cell[P]]) -> bool:
    """Whether a figure has room for every point beside its cells."""
    several = any(len(cell.points) > 1 for cell in cells)
    return not several or sum(len(cell.points) + 1 for cell in cells) <= MOST_ROWS


def rows_of(cells: Sequence[Cell[P]]) -> list[tuple[str, Cell[P], P | None]]:
    """(label, cell, point) of every row of a forest plot; no point: the several points of the cell together, below them.

    At most MOST_ROWS; where points would need more, cells alone.
    """
    singles = singles_too(cells)
    rows: list[tuple[str, Cell[P], P | None]] = []
    for cell in cells:
        rows += [(row_label(point.labels) or "the point", cell, point) for point in (cell.points if singles else [])]
        if len(cell.points) > 1:
            rows.append((f"{cell.words}: all {len(cell.points)}", cell, None))
        elif not singles:
            rows.append((cell.words, cell, cell.points[0]))
    return rows[:MOST_ROWS]


def row_label(labels: dict[str, str]) -> str:
    """`dense, seed 3`: levels, with the name of their axis where they are numbers."""
    return ", ".join(
        level if not _is_number(level) else f"{axis.rsplit('.', 1)[-1]} {level}" for axis, level in labels.items()
    )


def axis_words(axes: Sequence[str]) -> dict[str, str]:
    """Axis -> what a table calls it: the last part of a field's path, `task`, where no other axis ends like it."""
    short = {axis: axis.rsplit(".", 1)[-1] for axis in axes}
    return {axis: word if list(short.values()).count(word) == 1 else axis for axis, word in short.items()}


def cut_note(rows: int) -> str:
    """What a table says when it does not show all rows."""
    return f" The first {MOST_LINES} of {rows:,} rows." if rows > MOST_LINES else ""


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as plain mappings, None where there is no number."""
    return [
        {str(name): None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
        for row in table.astype(object).to_dict("records")
    ]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
