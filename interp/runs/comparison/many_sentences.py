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
    points = [one for cell in cells for one in cell.points]
    first, second = points[0].pair.labels
    over = plural(len(points), "point") + (f" in {plural(len(cells), 'cell')}" if 1 < len(cells) < len(points) else "")
    said = []
    if "heads" in questions:
        claims = [one.claim("heads") for one in points]
        said.append(
            f"{first.capitalize()} needs {_times(together(cells, 'heads'))} heads as {second}, over {over}: "
            f"{_counted(claims, second)}."
        )
    if set(EDGES) <= set(questions):
        claims = [None if one.pair.edges is None else both_ways(one.pair.edges) for one in points]
        explained = points[0].pair.edges.explained if points[0].pair.edges is not None else None
        enough, needs = (_times(together(cells, one)) for one in EDGES)
        said.append(
            f"To explain {percent(explained)} of what all attention edges do by keeping the best alone, {first} needs {enough} "
            f"edges as {second}; to destroy as much by replacing the best alone, {needs}. Over {over}, "
            f"{_counted(claims, second, ' both ways')}."
        )
    said.append(_worth(points))
    return said


def _worth(points: Sequence[Asked]) -> str:
    first, second = points[0].pair.labels
    right = [one.pair.ability.accuracy for one in points]
    lost = [-one.pair.ability.log_prob.difference.mean for one in points]
    spans = [
        _span([one.second.mean for one in right]),
        _span([one.first.mean for one in right]),
    ]
    losses = list(dict.fromkeys(fixed(one, 2, signed=True) for one in (min(lost), max(lost))))
    return (
        f"On all candidates {second} answers {spans[0]} right and {first} {spans[1]}; the answer's loss in {second} is "
        f"{' to '.join(losses)} nats against {first}."
    )


def _span(shares: Sequence[float]) -> str:
    return " to ".join(dict.fromkeys(percent(one) for one in (min(shares), max(shares))))


def _counted(claims: Sequence[str | None], second: str, how: str = "") -> str:
    """`sparse needs fewer both ways in 3 of 4, more in none`."""
    fewer, more, of = claims.count("fewer"), claims.count("more"), len(claims)
    if of == 1:
        return f"{second} needs {claims[0]}{how}" if claims[0] else f"no clear difference{how}"
    return f"{second} needs fewer{how} in {fewer or 'none'} of {of}, more in {more or 'none'}"


def _times(found: RatioFound | None) -> str:
    """`1.39 [1.29, 1.50] times as many`, or that no mean can be told."""
    if found is None or found.value is None:
        return "(no mean can be told, since in some points a model never gets there)"
    return f"{ratio(found)} times as many"
