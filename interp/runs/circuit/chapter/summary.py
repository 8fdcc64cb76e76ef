"""What the points of a sweep say together: means over repetitions with clustered intervals, and ratios to a reference.

Seeds and wordings of one cell ask (partly) the same word pairs, so their prompts are pooled and word pairs are drawn with
all their prompts, over all points of the cell (interp.analysis.bootstrap): the interval is one of other word pairs, at these
seeds and wordings. How much the points differ among each other stands beside it, as a standard deviation and a range.

Ratios are of counts that were found in runs of their own, each on the prompts that its model passes: the resamples of both
sides are independent of each other. Over several combinations their geometric mean is taken, in every resample anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.seeding import generator
from interp.configs.lazy import lazy
from interp.runs.chapter import Cell
from interp.runs.circuit.chapter.found import Found

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


def summary_table(cells: Sequence[Cell[Found]]) -> pd.DataFrame:
    """One row a cell: effect with its clustered interval and its spread over points; heads needed, their mean and range."""
    return pd.DataFrame([_summarised(cell) for cell in cells])


def _summarised(cell: Cell[Found]) -> dict[str, object]:
    values, pairs = (
        np.concatenate([point.effects[0] for point in cell.points]),
        [pair for point in cell.points for pair in point.effects[1]],
    )
    run = cell.points[0].run
    boot = Bootstrap(pairs, run.n_resamples, run.confidence, generator(0, "sweep", cell.words))
    effect = boot.mean(values[:, None])[0].as_dict()
    means = [float(point.effects[0].mean()) for point in cell.points]
    counts = [point.needed.n for point in cell.points if point.needed is not None]
    reached = [count for count in counts if count is not None]
    return {
        **cell.levels,
        "points": len(cell.points),
        **{f"effect_{name}": effect[name] for name in ("mean", "low", "high")},
        "effect_sd": float(np.std(means, ddof=1)) if len(means) > 1 else None,
        "prompts": len(values),
        "pairs": len(set(pairs)),
        "heads_mean": float(np.mean(reached)) if reached else None,
        "heads_least": min(reached, default=None),
        "heads_most": max(reached, default=None),
        "never": len(counts) - len(reached),
    }


TOGETHER = "geometric mean"


class RatioRow(NamedTuple):
    """Heads of the reference over heads of a level, at one combination of the other axes."""

    level: str | None
    combination: str
    reference_n: float | None
    n: float | None
    ratio: float | None
    low: float | None
    high: float | None
    opposite: bool
    """Whether at another share (joint) the other of the two needs fewer."""
    pairs: int
    """The fewest word pairs that one of the runs rests on."""


def ratio_table(points: Sequence[Found], axis: str, reference: str) -> pd.DataFrame:
    """One row a level of `axis` and combination of all other axes: heads of the reference over heads of the level.

    Above 1: the level needs fewer. The last row of every level with several combinations is their geometric mean.
    """
    at = {(point.labels.get(axis), _rest(point, axis)): point for point in points if point.needed is not None}
    levels = dict.fromkeys(level for level, _ in at if level not in (None, reference))
    rows: list[RatioRow] = []
    for level in levels:
        both = [
            (combination, at[reference, combination], point)
            for (mine, combination), point in at.items()
            if mine == level and (reference, combination) in at
        ]
        samples = []
        for combination, first, second in both:
            drawn = _independent(first.resampled, second.resampled, f"{level} {combination}")
            samples.append(drawn)
            n = (first.n_needed, second.n_needed)
            value = None if n[0] is None or not n[1] else n[0] / n[1]
            confidence = first.run.confidence
            elsewhere = _elsewhere([(first, second)])
            ends, fewest = _ends(drawn, confidence), _fewest(first, second)
            rows.append(RatioRow(level, combination, *n, value, *ends, _opposite(value, elsewhere), fewest))
        whole = [row.ratio for row in rows[-len(both) :] if row.ratio] if both else []
        if len(both) > 1 and len(whole) == len(both):
            least = min(map(len, samples))
            with np.errstate(invalid="ignore", divide="ignore"):
                together = np.exp(np.mean([np.log(sample[:least]) for sample in samples], axis=0))
            value = float(np.exp(np.mean(np.log(whole))))
            ends = _ends(together, both[0][1].run.confidence)
            elsewhere = _elsewhere([(first, second) for _, first, second in both])
            fewest = _fewest(*(point for _, *two in both for point in two))
            rows.append(RatioRow(level, TOGETHER, None, None, value, *ends, _opposite(value, elsewhere), fewest))
    return pd.DataFrame(rows, columns=list(RatioRow._fields))


def _elsewhere(both: Sequence[tuple[Found, Found]]) -> list[float]:
    """The ratio (of several pairs their geometric mean) at every share that all of them reach."""
    counts = [
        ({at.target: at.staying for at in one.heads.crossings}, {at.target: at.staying for at in other.heads.crossings})
        for one, other in both
        if one.heads is not None and other.heads is not None
    ]
    ratios: list[float] = []
    for target in counts[0][0] if counts else ():
        logs = [np.log(n / m) for first, second in counts if (n := first.get(target)) and (m := second.get(target))]
        if len(logs) == len(both):
            ratios.append(float(np.exp(np.mean(logs))))
    return ratios


def _fewest(*points: Found) -> int:
    return min(point.run.n_pairs for point in points)


def _opposite(ratio: float | None, elsewhere: Sequence[float]) -> bool:
    return ratio is not None and any((one - 1) * (ratio - 1) < 0 for one in elsewhere)


def _rest(point: Found, axis: str) -> str:
    return ", ".join(level for other, level in point.labels.items() if other != axis) or "all"


def _independent(first: np.ndarray, second: np.ndarray, label: str) -> np.ndarray:
    """Ratios of resamples that have nothing to do with each other: one side is shuffled."""
    least = min(len(first), len(second))
    with np.errstate(invalid="ignore", divide="ignore"):
        return first[:least] / generator(0, "ratio", label).permutation(second)[:least]


def _ends(samples: np.ndarray, confidence: float) -> tuple[float | None, float | None]:
    """Percentiles; None for an end that is not reached, and for both where a resample has no ratio at all."""
    if not len(samples) or np.isnan(samples).any():
        return None, None
    tail = (1 - confidence) / 2
    low, high = np.quantile(samples, [tail, 1 - tail], method="nearest")
    return (float(low) if np.isfinite(low) else None), (float(high) if np.isfinite(high) else None)
