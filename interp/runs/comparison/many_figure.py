"""Ratios of many comparisons as a forest plot."""

from __future__ import annotations

from collections.abc import Sequence

from interp.figures.base import Drawn
from interp.figures.forest import Mark, Panel, drawn
from interp.runs.chapter import MOST_ROWS, Cell, Point, rows_of, singles_too
from interp.runs.comparison.many import QUESTIONS, Asked, together


def ratios_figure(
    of_pairs: dict[str, list[Cell[Asked]]], cells: Sequence[Cell[Point]], questions: Sequence[str]
) -> Drawn:
    """A panel a question, a row a point, cells and all of them below; a colour a pair of models."""
    rows = rows_of(cells)
    names, heavy = [label for label, _, _ in rows], [point is None for _, _, point in rows]
    if whole := len(cells) > 1:
        names, heavy = [*names, f"geometric mean over {len(cells)} cells"], [*heavy, True]
    levels = list(of_pairs) if len(of_pairs) > 1 else []
    panels = []
    for question in questions:
        marks = []
        for number, own in enumerate(of_pairs.values()):
            level = number if levels else None
            at = {tuple(cell.levels.items()): cell for cell in own}
            by_point = {models.point.name: models for cell in own for models in cell.points}
            for place, (_, cell, point) in enumerate(rows):
                quotient = (
                    together([at[tuple(cell.levels.items())]], question)
                    if point is None
                    else by_point[point.name].ratio(question)
                )
                if quotient is not None and quotient.value is not None:
                    marks.append(Mark(place, quotient.value, quotient.low, quotient.high, level, point is None))
            quotient = together(own, question) if whole else None
            if quotient is not None and quotient.value is not None:
                marks.append(Mark(len(names) - 1, quotient.value, quotient.low, quotient.high, level, True))
        first, second = next(iter(of_pairs.values()))[0].points[0].pair.labels if not levels else ("first", "second")
        panels.append(Panel(f"{QUESTIONS[question]}: {first} / {second}", marks, 1.0, logarithmic=True))
    caption = (
        "How many times more heads and edges the first model needs than the second, on the same prompts; right of 1 the second "
        "needs fewer. Sufficient: edges that are kept alone; necessary: edges that are replaced alone. "
        + ("Bold rows, diamonds: geometric means. " if any(heavy) else "")
        + ("" if singles_too(cells) else f"Single points are left out, because there are more than {MOST_ROWS} rows. ")
        + "A point where a model never gets there has no ratio."
    )
    return drawn(names, panels, "Ratios", caption, heavy, levels)
