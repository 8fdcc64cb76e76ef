"""Sentences of many runs of probes, computed from their tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from interp.configs.lazy import lazy
from interp.runs.chapter import MOST_TOLD, Cell, Layout, records
from interp.runs.circuit.chapter.found import Found
from interp.runs.circuit.chapter.summary import TOGETHER
from interp.words.numbers import NONE, around, fixed, needed, number
from interp.words.phrases import percent, plural

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

FEW = 30
"""Word pairs under which a point is said to be small, and a ratio that rests on it names no winner."""


def answer(
    layout: Layout, cells: Sequence[Cell[Found]], summary: pd.DataFrame, compared: pd.DataFrame | None
) -> list[str]:
    """How many heads each cell needs, or what its effect is; the ratios to the reference."""
    said = []
    counted = [cell for cell in cells if all(point.needed is not None for point in cell.points)]
    heads = counted[0].points[0].heads if counted else None
    if heads is not None:
        listed = "; ".join(f"{cell.words}: {heads_of(cell)}" for cell in counted[:MOST_TOLD])
        more = f"; and {len(counted) - MOST_TOLD} more cells" if len(counted) > MOST_TOLD else ""
        said.append(
            f"Heads needed for {percent(heads.target)} of the key→query effect ({heads.definition} share, on word "
            "pairs that they "
            f"were not chosen from): {listed}{more}."
        )
    elif cells:
        unit = cells[0].points[0].run.metric.unit
        listed = "; ".join(
            f"{cell.words}: {around(*_effect(row))}"
            for cell, row in list(zip(cells, records(summary), strict=True))[:MOST_TOLD]
        )
        said.append(f"The clean prompt is above the corrupted one by ({unit}): {listed}.")
    if compared is not None and not compared.empty and layout.reference is not None:
        said += list(_ratios(compared, layout.reference[1]))
    return said


def needed_words(point: Found) -> str:
    """`8 [7, 9]`; a dash where heads were not searched for."""
    count = point.needed
    return NONE if count is None else needed(count.n, count.n_low, count.n_high)


def heads_of(cell: Cell[Found]) -> str:
    """`12 [10, 13]` of one point; `11 to 14 over 4 points`."""
    if len(cell.points) == 1:
        return needed_words(cell.points[0])
    counts = [point.n_needed for point in cell.points]
    reached = sorted(count for count in counts if count is not None)
    never = len(counts) - len(reached)
    if not reached:
        return f"never, in {plural(len(counts), 'point')}"
    span = f"{reached[0]}" if reached[0] == reached[-1] else f"{reached[0]} to {reached[-1]}"
    return f"{span} over {plural(len(counts), 'point')}" + (f" (never in {never})" if never else "")


def _ratios(compared: pd.DataFrame, reference: str) -> list[str]:
    said = []
    for level, rows in compared.groupby("level", sort=False):
        row = records(rows)[-1]
        if row["ratio"] is None:
            said.append(
                f"Against {reference}, no ratio can be told for {level}: one of the two never reaches the target."
            )
            continue
        single = row["combination"] != TOGETHER
        over = "" if single else f" (geometric mean over {plural(len(rows) - 1, 'combination')})"
        said.append(
            f"{str(reference).capitalize()} needs {fixed(row['ratio'], 2)} times as many heads as {level}{over}"
            f"{_interval(row)}, {_verdict(row, str(level), str(reference))}."
        )
    return said


def _interval(row: Any) -> str:
    ends = [None if row[end] is None else fixed(row[end], 2) for end in ("low", "high")]
    return "" if ends == [None, None] else f" [{', '.join(end or '…' for end in ends)}]"


def _verdict(row: Any, level: str, reference: str) -> str:
    low, high = row["low"], row["high"]
    fewer = level if low is not None and low > 1 else reference if high is not None and high < 1 else None
    if fewer is None:
        return "no clear difference"
    if row["opposite"]:
        return "but at another share it is the other way round, so neither is said to need fewer"
    if row["pairs"] < FEW:
        return f"but from {plural(row['pairs'], 'word pair')}, fewer than {FEW}, so neither is said to need fewer"
    return f"{fewer} needs fewer"


def observations(cells: Sequence[Cell[Found]], summary: pd.DataFrame) -> list[str]:
    """How the effects of repeated points lie together and apart."""
    said = []
    for cell, row in list(zip(cells, records(summary), strict=True))[:MOST_TOLD]:
        if len(cell.points) < 2:
            continue
        unit = cell.points[0].run.metric.unit
        said.append(
            f"{cell.words}: over {plural(len(cell.points), 'point')} the effect is {around(*_effect(row))} {unit} "
            "(word pairs drawn over "
            f"all of them); the points' own means differ with a standard deviation of {number(row['effect_sd'])}."
        )
    return said


def caveats(layout: Layout, points: Sequence[Found], cells: Sequence[Cell[Found]]) -> list[str]:
    """What must be known before a number is quoted."""
    said = []
    fewest = min(points, key=lambda point: point.run.n_pairs)
    if fewest.run.n_pairs < FEW:
        said.append(
            f"The smallest point, {fewest.point.name}, rests on {plural(fewest.run.n_pairs, 'word pair')}: where intervals "
            "overlap, more word pairs (prompts.task.max_pairs) may tell the cells apart."
        )
    if any(len(cell.points) > 1 for cell in cells):
        said.append(
            f"Repetitions ({', '.join(layout.repeats)}) share word pairs with each other; they are no independent "
            "samples of tasks or of trained models."
        )
    if layout.reference is not None:
        said.append(
            "Ratios compare runs that were each measured on the prompts that their own model passes; for differences "
            "on the very same prompts sweep a comparison of the models."
        )
    if points and not any(point.needed is not None for point in points):
        said.append("No point searched for heads, so effects are differences of the clean and the corrupted run.")
    return said


def _effect(row: Any) -> tuple[float | None, float | None, float | None]:
    return row["effect_mean"], row["effect_low"], row["effect_high"]
