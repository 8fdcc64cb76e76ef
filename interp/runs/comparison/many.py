"""Ratios of many comparisons: of each point, of points that repeat each other, and over cells.

Together means the geometric mean. Within a cell the points ask partly the same word pairs, so the ends of their intervals are
averaged like the ratios, as if they moved together: never too narrow for what they share. Cells ask other word pairs and are
taken as independent; the ends of their mean are combined by the method of variance estimates recovery (Zou & Donner 2008,
Statistics in Medicine 27), in logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
        compared = self._compared(question)
        return None if compared is None else compared.ratio

    def counts(self, question: str) -> tuple[float | None, float | None] | None:
        """Heads or edges of both models; None: never."""
        if question == "heads":
            heads = self.pair.heads
            return None if heads is None else (heads.of(self.definition).first.n, heads.of(self.definition).second.n)
        edges = self.pair.edges
        if edges is None:
            return None
        compared = edges.sufficient if question == "sufficient" else edges.necessary
        return compared.first.edges, compared.second.edges

    def claim(self, question: str) -> str | None:
        """`fewer` or `more` in the second model; None where it is not clear."""
        compared = self._compared(question)
        return None if compared is None else claim(compared)

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
    quotients = [_of_cell(cell, question) for cell in cells]
    if any(quotient is None for quotient in quotients):
        return None
    known = [quotient for quotient in quotients if quotient is not None]
    if len(known) == 1:
        return known[0]
    return _independent(known)


def _of_cell(cell: Cell[Asked], question: str) -> RatioFound | None:
    quotients = [models.ratio(question) for models in cell.points]
    if any(quotient is None or not quotient.value for quotient in quotients):
        return None
    ends = [(quotient.value, quotient.low, quotient.high) for quotient in quotients if quotient is not None]
    value, low, high = (_geometric([end[place] for end in ends]) for place in range(3))
    return RatioFound(value=value, low=low, high=high)


def _independent(quotients: Sequence[RatioFound]) -> RatioFound:
    values = [quotient.value for quotient in quotients]
    mean = _geometric(values)
    if mean is None:
        return RatioFound(value=None, low=None, high=None)

    def end(ends: Sequence[float | None], sign: int) -> float | None:
        if any(not bound for bound in ends):  # open, or none at all
            return None
        apart = [math.log(bound or 1.0) - math.log(value or 1.0) for bound, value in zip(ends, values, strict=True)]
        return float(mean * math.exp(sign * math.sqrt(sum(distance**2 for distance in apart)) / len(apart)))

    return RatioFound(
        value=mean,
        low=end([quotient.low for quotient in quotients], -1),
        high=end([quotient.high for quotient in quotients], 1),
    )


def _geometric(values: Sequence[float | None]) -> float | None:
    """None where one is missing, or is 0."""
    if any(not value for value in values):
        return None
    return float(np.exp(np.mean(np.log([value or 1.0 for value in values]))))


def ratio_table(of_pairs: dict[str, list[Cell[Asked]]], questions: Sequence[str]) -> pd.DataFrame:
    """One row a pair of models, question and point; below them cells of several points, and all cells."""
    rows: list[Mapping[str, object]] = []
    for pair, cells in of_pairs.items():
        for question in questions:
            common = {"models": pair, "of": QUESTIONS[question]}
            for cell in cells:
                for models in cell.points:
                    first, second = models.counts(question) or (None, None)
                    ends = _plain(models.ratio(question))
                    rows.append(
                        {**common, "row": models.point.name, "first": first, "second": second, **ends}
                        | {"claim": models.claim(question) or ""}
                    )
                if len(cell.points) > 1:
                    rows.append({**common, "row": f"{cell.words}: together", **_plain(together([cell], question))})
            if len(cells) > 1:
                rows.append({**common, "row": "all cells together", **_plain(together(cells, question))})
    return pd.DataFrame(rows)


def _plain(quotient: RatioFound | None) -> dict[str, float | None]:
    return (
        {"ratio": None, "low": None, "high": None}
        if quotient is None
        else {"ratio": quotient.value, "low": quotient.low, "high": quotient.high}
    )
