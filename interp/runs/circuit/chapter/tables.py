"""Tables of many runs of probes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from interp.configs.lazy import lazy
from interp.report.story import TableBlock
from interp.runs.chapter import MOST_LINES, Cell, axis_words, cut_note, records
from interp.runs.circuit.chapter.found import Found
from interp.runs.circuit.chapter.sentences import heads_of, needed_words
from interp.runs.circuit.chapter.summary import TOGETHER
from interp.words.numbers import NONE, around, fixed, number
from interp.words.phrases import percent

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


def summary_block(summary: pd.DataFrame, cells: Sequence[Cell[Found]]) -> TableBlock:
    """Points that repeat each other, together; how far they lie apart only where any do."""
    axes = list(dict.fromkeys(axis for cell in cells for axis in cell.levels))
    unit = cells[0].points[0].run.metric.unit if cells else ""
    repeated = any(len(cell.points) > 1 for cell in cells)
    rows = []
    for cell, row in list(zip(cells, records(summary), strict=True))[:MOST_LINES]:
        effect = around(*(row[f"effect_{name}"] for name in ("mean", "low", "high")))
        spread = [str(row["points"]), number(row["effect_sd"])] if repeated else []
        levels = [cell.levels.get(axis, "") for axis in axes]
        rows.append([*levels, effect, *spread, heads_of(cell), f"{row['pairs']} in {row['prompts']}"])
    return TableBlock(
        title="Cells of the grid",
        columns=[
            *axis_words(axes).values(),
            f"effect ({unit})",
            *(["points", "SD of points"] if repeated else []),
            "heads needed",
            "word pairs in prompts",
        ],
        rows=rows,
        note=(
            "Intervals draw word pairs over all points of a cell; the SD is that of the points' own means."
            if repeated
            else "Intervals draw word pairs."
        )
        + cut_note(len(cells)),
    )


def ratios_block(table: pd.DataFrame, reference: str) -> TableBlock:
    """Ratios of heads needed."""
    rows = []
    for row in records(table.head(MOST_LINES)):
        low, high = (None if row[end] is None else fixed(row[end], 2) for end in ("low", "high"))
        inside = NONE if low is None and high is None else f"[{low or '…'}, {high or '…'}]"
        counts = ("" if row["combination"] == TOGETHER else _count(row[column]) for column in ("reference_n", "n"))
        rows.append([str(row["level"]), str(row["combination"]), *counts, fixed(row["ratio"], 2), inside])
    return TableBlock(
        title=f"Heads of {reference} over heads of the other",
        columns=["level", "combination", f"heads, {reference}", "heads", "ratio", "interval"],
        rows=rows,
        note="Above 1: the level needs fewer heads than the reference." + cut_note(len(table)),
    )


COLUMNS = ["effect", "heads", "prompts", "right"]
COLUMNS_NOTE = "Effect: of all key→query edges, or of the whole gap; right: on all candidates."


def numbers_of(point: Found) -> list[str]:
    """The cells of a point under COLUMNS."""
    run = point.run
    return [
        around(point.effect.mean, point.effect.low, point.effect.high),
        needed_words(point),
        str(run.n_prompts),
        percent(run.accuracy),
    ]


def _count(value: Any) -> str:
    return "never" if value is None else fixed(value, 0)
