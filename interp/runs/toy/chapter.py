"""The chapter on toys of a sweep's report: what sparsity leaves of the sums that were never trained on, by point."""

from __future__ import annotations

from collections.abc import Sequence

from interp.report.story import Section
from interp.runs.chapter import MOST_TOLD, Cell, Chapter, Layout, Point, cells_of
from interp.runs.shown import Shown, forest_of, summary_block, summary_table, together
from interp.runs.sparsify.publish import DEFINITIONS
from interp.words.phrases import plural, tenth

RIGHT = Shown(
    "unseen sums right", {"dense": "dense.accuracy", "sparse": "sparse.accuracy"}, percent=True, bounds=(0, 1)
)
OPEN = Shown("causal edges open", {"sparse": "sparse.density"}, percent=True, bounds=(0, 1), line=0.0)
TOLD = (RIGHT, OPEN)


def chapter(points: Sequence[Point], layout: Layout) -> Chapter:
    """What many toys say together."""
    cells = cells_of(layout, points)
    summary = summary_table(cells, TOLD)
    return Chapter(
        answer=[_sentence(cell) for cell in cells[:MOST_TOLD]],
        caveats=[
            "Intervals of single points are over sums that were never trained on; which edges survive, and how well a training "
            "goes, differs between seeds.",
        ],
        sections=[Section("Accuracy and density", figures=["forest"], tables=[summary_block(cells, TOLD, summary)])],
        figures={"forest": forest_of(cells, TOLD, "Accuracy and density")},
        tables={"summary.csv": summary},
        columns=["right, dense", "right, sparse", "open edges, sparse"],
        cells={
            point.name: [
                *(RIGHT.of(point.quantity(name)) for name in RIGHT.names.values()),
                OPEN.of(point.quantity("sparse.density")),
            ]
            for point in points
        },
        columns_note="Right: all five digits of a sum that was never trained on, with a Wilson interval.",
        definitions={name: DEFINITIONS[name] for name in ("Gate", "Density")},
        files={"summary.csv": "accuracy and density by cell: mean, interval and spread over points"},
    )


def _sentence(cell: Cell[Point]) -> str:
    """`seed 0: with 5.6 % of the causal edges open the sparse model gets 98.9 % of the sums right; the dense one 99.9 %.`"""
    values = {
        name: [point.quantity(name).value for point in cell.points]
        for name in ("dense.accuracy", "sparse.accuracy", "sparse.density")
    }
    dense, sparse, density = (together(numbers) for numbers in values.values())
    over = "" if len(cell.points) == 1 else f" over {plural(len(cell.points), 'point')}"
    lost = [
        100 * (a - b)
        for a, b in zip(values["dense.accuracy"], values["sparse.accuracy"], strict=True)
        if a is not None and b is not None
    ]
    worst = f" Sparsity costs {min(lost):.1f} to {max(lost):.1f} points.".replace("-", "−") if len(lost) > 1 else ""
    return (
        f"{cell.words}: with {_mean(density)} of the causal edges open{over}, sparse models get {_mean(sparse)} of the sums right "
        f"that they were never trained on; dense ones {_mean(dense)}.{worst}"
    )


def _mean(told: dict[str, float | int | None]) -> str:
    mean, least, most = (told[name] for name in ("mean", "least", "most"))
    spread = f" ({tenth(least)} to {tenth(most)})" if least != most else ""
    return f"{tenth(mean)}{spread}"
