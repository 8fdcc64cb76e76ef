"""Ratios of many comparisons: of each point, of points that repeat each other, and over cells.

Together means the geometric mean. Within a cell the points ask partly the same word pairs, so the ends of their intervals are
averaged like the ratios, as if they moved together: never too narrow for what they share. Cells ask other word pairs and are
taken as independent; the ends of their mean are combined by the method of variance estimates recovery (Zou & Donner 2008,
Statistics in Medicine 27), in logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.analysis.findings_of_comparison import PairFindings, RatioFound
from interp.configs.lazy import lazy
from interp.results import reading
from interp.results.run_folder import RESOLVED
from interp.runs.chapter import Cell, Point
from interp.runs.comparison.publish import comparison_of
from interp.runs.comparison.sentences import claim

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

QUESTIONS = {"heads": "heads", "sufficient": "edges, sufficient", "necessary": "edges, necessary"}


@dataclass(frozen=True)
class Asked:
    """Two models of a finished comparison."""

    point: Point
    pair: PairFindings
    definition: str
    """Of a share, as the run asks."""

    @property
    def labels(self) -> dict[str, str]:
        """Axis -> level."""
        return self.point.labels

    @property
    def name(self) -> str:
        """`dense-sparse`."""
        return "-".join(self.pair.labels)

    @property
    def n_prompts(self) -> int:
        """Prompts that all models pass."""
        return self.pair.means.gap.first.n

    def ratio(self, question: str) -> RatioFound | None:
        """First over second; None where nobody asked."""
        found = self._compared(question)
        return None if found is None else found.ratio

    def counts(self, question: str) -> tuple[float | None, float | None] | None:
        """Heads or edges of both models; None: never."""
        if question == "heads":
            heads = self.pair.heads
            return None if heads is None else (heads.of(self.definition).first.n, heads.of(self.definition).second.n)
        edges = self.pair.edges
        if edges is None:
            return None
        found = edges.sufficient if question == "sufficient" else edges.necessary
        return found.first.edges, found.second.edges

    def claim(self, question: str) -> str | None:
        """`fewer` or `more` in the second model; None where it is not clear."""
        found = self._compared(question)
        return None if found is None else claim(found)

    def _compared(self, question: str) -> Any:
        if question == "heads":
            return None if self.pair.heads is None else self.pair.heads.of(self.definition)
        edges = self.pair.edges
        return None if edges is None else edges.sufficient if question == "sufficient" else edges.necessary


def asked_of(point: Point) -> list[Asked]:
    """Every two models of a point."""
    settings = reading.read_yaml(point.folder / RESOLVED)
    return [Asked(point, pair, settings["share"]["definition"]) for pair in comparison_of(point.folder).pairs]


def together(cells: Sequence[Cell[Asked]], question: str) -> RatioFound | None:
    """The geometric mean over cells, each that of its points; without a value where a point has none."""
    found = [_of_cell(cell, question) for cell in cells]
    if any(one is None for one in found):
        return None
    known = [one for one in found if one is not None]
    if len(known) == 1:
        return known[0]
    return _independent(known)


def _of_cell(cell: Cell[Asked], question: str) -> RatioFound | None:
    found = [one.ratio(question) for one in cell.points]
    if any(one is None or not one.value for one in found):
        return None
    ends = [(one.value, one.low, one.high) for one in found if one is not None]
    value, low, high = (_geometric([end[place] for end in ends]) for place in range(3))
    return RatioFound(value=value, low=low, high=high)


def _independent(found: Sequence[RatioFound]) -> RatioFound:
    values = [one.value for one in found]
    mean = _geometric(values)
    if mean is None:
        return RatioFound(value=None, low=None, high=None)

    def end(ends: Sequence[float | None], sign: int) -> float | None:
        if any(not one for one in ends):  # open, or none at all
            return None
        apart = [math.log(one or 1.0) - math.log(value or 1.0) for one, value in zip(ends, values, strict=True)]
        return float(mean * math.exp(sign * math.sqrt(sum(one**2 for one in apart)) / len(apart)))

    return RatioFound(value=mean, low=end([one.low for one in found], -1), high=end([one.high for one in found], 1))


def _geometric(values: Sequence[float | None]) -> float | None:
    """None where one is missing, or is 0."""
    if any(not one for one in values):
        return None
    return float(np.exp(np.mean(np.log([one or 1.0 for one in values]))))


def ratio_table(of_pairs: dict[str, list[Cell[Asked]]], questions: Sequence[str]) -> pd.DataFrame:
    """One row a pair of models, question and point; below them cells of several points, and all cells."""
    rows: list[dict[str, Any]] = []
    for pair, cells in of_pairs.items():
        for question in questions:
            common = {"models": pair, "of": QUESTIONS[question]}
            for cell in cells:
                for one in cell.points:
                    first, second = one.counts(question) or (None, None)
                    ends = _plain(one.ratio(question))
                    rows.append(
                        {**common, "row": one.point.name, "first": first, "second": second, **ends}
                        | {"claim": one.claim(question) or ""}
                    )
                if len(cell.points) > 1:
                    rows.append({**common, "row": f"{cell.words}: together", **_plain(together([cell], question))})
            if len(cells) > 1:
                rows.append({**common, "row": "all cells together", **_plain(together(cells, question))})
    return pd.DataFrame(rows)


def _plain(found: RatioFound | None) -> dict[str, float | None]:
    return (
        {"ratio": None, "low": None, "high": None}
        if found is None
        else {"ratio": found.value, "low": found.low, "high": found.high}
    )
