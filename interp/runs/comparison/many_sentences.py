"""Sentences about many comparisons of the same two models."""

from __future__ import annotations

from collections.abc import Sequence

from interp.analysis.findings_of_comparison import RatioFound
from interp.runs.chapter import Cell
from interp.runs.comparison.many import Asked, together
from interp.runs.comparison.sentences import both_ways
from interp.runs.comparison.tables import ratio
from interp.words.numbers import fixed
from interp.words.phrases import percent, plural

EDGES = ("sufficient", "necessary")


def answer(cells: Sequence[Cell[Asked]], questions: Sequence[str]) -> list[str]:
    """Heads, edges both ways, and what the answers are worth, over all cells."""
    points = [point for cell in cells for point in cell.points]
    first, second = points[0].pair.labels
    over = plural(len(points), "point") + (f" in {plural(len(cells), 'cell')}" if 1 < len(cells) < len(points) else "")
    said = []
    if "heads" in questions:
        claims = [point.claim("heads") for point in points]
        said.append(
            f"{first.capitalize()} needs {_times(together(cells, 'heads'))} heads as {second}, over {over}: "
            f"{_counted(claims, second)}."
        )
    if set(EDGES) <= set(questions):
        claims = [None if point.pair.edges is None else both_ways(point.pair.edges) for point in points]
        explained = points[0].pair.edges.explained if points[0].pair.edges is not None else None
        enough, needs = (_times(together(cells, question)) for question in EDGES)
        said.append(
            f"To explain {percent(explained)} of what all attention edges do by keeping the best alone, {first} needs {enough} "
            f"edges as {second}; to destroy as much by replacing the best alone, {needs}. Over {over}, "
            f"{_counted(claims, second, ' both ways')}."
        )
    said.append(_worth(points))
    return said


def _worth(points: Sequence[Asked]) -> str:
    first, second = points[0].pair.labels
    right = [point.pair.ability.accuracy for point in points]
    lost = [-point.pair.ability.log_prob.difference.mean for point in points]
    spans = [
        _span([accuracy.second.mean for accuracy in right]),
        _span([accuracy.first.mean for accuracy in right]),
    ]
    losses = list(dict.fromkeys(fixed(loss, 2, signed=True) for loss in (min(lost), max(lost))))
    return (
        f"On all candidates {second} answers {spans[0]} right and {first} {spans[1]}; the answer's loss in {second} is "
        f"{' to '.join(losses)} nats against {first}."
    )


def _span(shares: Sequence[float]) -> str:
    return " to ".join(dict.fromkeys(percent(share) for share in (min(shares), max(shares))))


def _counted(claims: Sequence[str | None], second: str, how: str = "") -> str:
    """`sparse needs fewer both ways in 3 of 4, more in none`."""
    fewer, more, of = claims.count("fewer"), claims.count("more"), len(claims)
    if of == 1:
        return f"{second} needs {claims[0]}{how}" if claims[0] else f"no clear difference{how}"
    return f"{second} needs fewer{how} in {fewer or 'none'} of {of}, more in {more or 'none'}"


def _times(quotient: RatioFound | None) -> str:
    """`1.39 [1.29, 1.50] times as many`, or that no mean can be told."""
    if quotient is None or quotient.value is None:
        return "(no mean can be told, since in some points a model never gets there)"
    return f"{ratio(quotient)} times as many"
