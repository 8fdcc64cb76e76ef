"""Sentences of a sweep's report, computed from its tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from interp.configs.lazy import lazy
from interp.results import reading, sealed
from interp.results.run_folder import MANIFEST
from interp.sweep.cells import Cell, Found, repeats_of
from interp.sweep.figures import needed_words
from interp.sweep.store import State, Store
from interp.sweep.summary import TOGETHER, records
from interp.words.numbers import around, fixed, number
from interp.words.phrases import percent, plural

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

MOST_CELLS = 12


def answer(
    store: Store, states: dict[str, State], cells: Sequence[Cell], summary: pd.DataFrame, compared: pd.DataFrame | None
) -> list[str]:
    """How many heads each cell needs, or what its effect is; the ratios to the reference; how much is finished."""
    said = []
    counted = [cell for cell in cells if all(one.needed is not None for one in cell.points)]
    found = counted[0].points[0].heads if counted else None
    if found is not None:
        listed = "; ".join(f"{cell.words}: {_heads(cell)}" for cell in counted[:MOST_CELLS])
        more = f"; and {len(counted) - MOST_CELLS} more cells" if len(counted) > MOST_CELLS else ""
        said.append(
            f"Heads needed for {percent(found.target)} of the key→query effect ({found.definition} share, on word "
            "pairs that they "
            f"were not chosen from): {listed}{more}."
        )
    elif cells:
        unit = cells[0].points[0].run.metric.unit
        listed = "; ".join(
            f"{cell.words}: {around(*_effect(row))}"
            for cell, row in list(zip(cells, records(summary), strict=True))[:MOST_CELLS]
        )
        said.append(f"The clean prompt is above the corrupted one by ({unit}): {listed}.")
    if compared is not None and not compared.empty:
        said += list(_ratios(compared, store.about["reference"]["level"]))
    done = sum(1 for one in states.values() if one.status == "finished")
    if done < len(states):
        said.append(f"{done} of {plural(len(states), 'point')} are finished; the others are listed below.")
    return said


def _heads(cell: Cell) -> str:
    """`12 [10, 13]` of one point; `11 to 14 over 4 points`."""
    if len(cell.points) == 1:
        return needed_words(cell.points[0])
    counts = [one.n_needed for one in cell.points]
    reached = sorted(one for one in counts if one is not None)
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
    if low is not None and low > 1:
        return f"{level} needs fewer"
    if high is not None and high < 1:
        return f"{reference} needs fewer"
    return "no clear difference"


def observations(cells: Sequence[Cell], summary: pd.DataFrame) -> list[str]:
    """How the effects of repeated points lie together and apart."""
    said = []
    for cell, row in list(zip(cells, records(summary), strict=True))[:MOST_CELLS]:
        if len(cell.points) < 2:
            continue
        unit = cell.points[0].run.metric.unit
        said.append(
            f"{cell.words}: over {plural(len(cell.points), 'point')} the effect is {around(*_effect(row))} {unit} "
            "(word pairs drawn over "
            f"all of them); the points' own means differ with a standard deviation of {number(row['effect_sd'])}."
        )
    return said


def caveats(store: Store, states: dict[str, State], points: Sequence[Found], cells: Sequence[Cell]) -> list[str]:
    """What must be known before a number is quoted."""
    said = []
    wrong = sum(1 for one in states.values() if one.status in ("refused", "failed"))
    if wrong:
        said.append(
            f"{plural(wrong, 'point')} failed or were refused. What a model cannot do is missing from every mean, so "
            "the cells do not all "
            "rest on the same tasks."
        )
    if any(len(cell.points) > 1 for cell in cells):
        said.append(
            f"Repetitions ({', '.join(repeats_of(store))}) share word pairs with each other; they are no independent "
            "samples of tasks or of "
            "trained models."
        )
    if store.about["reference"] is not None:
        said.append(
            "Ratios compare runs that were each measured on the prompts that their own model passes; for differences "
            "on the very same "
            "prompts use `study: comparison`."
        )
    if len({_code(one) for one in points}) > 1:
        said.append("The points were measured by more than one version of the code (see each manifest).")
    if points and not any(one.needed is not None for one in points):
        said.append("No point searched for heads, so effects are differences of the clean and the corrupted run.")
    return said


def _code(one: Found) -> str:
    try:
        found: dict[str, str] = sealed.read(one.folder / MANIFEST).get("code", {})
    except reading.Damaged:
        return ""
    return found.get("the code of interp", "")


def _effect(row: Any) -> tuple[float | None, float | None, float | None]:
    return row["effect_mean"], row["effect_low"], row["effect_high"]
