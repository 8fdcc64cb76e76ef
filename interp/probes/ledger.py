"""Measuring sets of kept heads, written down so that a search can be taken again without the model.

A probe of several stages decides what to run next by what it has seen. It asks a `Recorder`, which runs the model and
keeps the rows of the effects table; later a `Replay` answers the same questions, in the same order, from those rows. So a
resumed run, a comparison and a report conclude from the tables alone, and need no state beside them.
"""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from interp.interventions.edits import Edit, Source, Variant
from interp.results.effects_file import stacked

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Selection, Study

Values = Float[np.ndarray, "set row"]
Rows = Int[np.ndarray, " row"]


@dataclass(frozen=True)
class _Question:
    part: str
    group: str
    source: Source | None
    nonsense: bool

    @property
    def one_by_one(self) -> bool:
        """Whether every head is kept, or left out, alone: the table then names the head, and no number of heads."""
        return self.part.endswith("single")


class Ledger(abc.ABC):
    """Answers what the metric is with a set of heads kept and every other head's edge replaced.

    `clusters` names the word pair of every prompt; rows are numbered in the order of the prompts' numbers in the run.
    """

    clusters: list[str]

    def ask(
        self,
        sets: Sequence[frozenset[int]],
        rows: Rows,
        part: str,
        group: str = "",
        source: Source | None = None,
        nonsense: bool = False,
    ) -> Values:
        """The metric of every set on the prompts in `rows`; `source` replaces the probe's own, `nonsense` the answers."""
        return self._answer(sets, rows, _Question(part, group, source, nonsense))

    @abc.abstractmethod
    def _answer(self, sets: Sequence[frozenset[int]], rows: Rows, asked: _Question) -> Values:
        """`ask`, from the model or from a table."""

    @abc.abstractmethod
    def corrupted(self) -> Float[np.ndarray, " row"]:
        """The metric of the corrupted run on every prompt."""


class Recorder(Ledger):
    """Runs the model.

    Args:
        edges: the edge of every head, by source.
        where: the prompts, in order of their numbers.
        shuffled: the same prompts with other answers.
    """

    def __init__(
        self,
        study: Study,
        edges: dict[Source, list[Edit]],
        where: Sequence[Selection],
        shuffled: Sequence[Selection] = (),
    ) -> None:
        self._study, self._edges, self._where, self._shuffled = study, edges, where, shuffled
        self._main = next(iter(edges))
        places = [(number, row) for number, selection in enumerate(where) for row in selection.rows]
        self._places = sorted(places, key=lambda place: where[place[0]].prompts.prompts[place[1]])
        self.clusters = [where[number].prompts.pairs[row].pair for number, row in self._places]
        self.frames: list[pd.DataFrame] = []
        self._done = 0
        self._asked: Counter[tuple[str | None, str, str, int]] = Counter()

    def _answer(self, sets: Sequence[frozenset[int]], rows: Rows, asked: _Question) -> Values:
        edges = self._edges[asked.source or self._main]
        variants = [
            Variant(
                tuple(edge for head, edge in enumerate(edges) if head not in kept),
                part=asked.part,
                group=asked.group if asked.one_by_one else self._group(asked, len(kept)),
                n_kept=None if asked.one_by_one else len(kept),
            )
            for kept in sets
        ]
        return self._measure(variants, rows, self._shuffled if asked.nonsense else self._where)

    def _group(self, asked: _Question, n_kept: int) -> str:
        """The group, numbered where sets of one size are asked for again: tables tell variants by their names alone."""
        again = (asked.source, asked.part, asked.group, n_kept)
        self._asked[again] += 1
        return asked.group if self._asked[again] == 1 else f"{asked.group} #{self._asked[again]}".strip()

    def corrupted(self) -> Float[np.ndarray, " row"]:
        """As Ledger.corrupted, by the engine."""
        variants = [Variant((), base="corrupted", part="corrupted")]
        return np.asarray(self._measure(variants, np.arange(len(self._places)), self._where)[0])

    def table(self) -> pd.DataFrame:
        """Everything that was measured, as rows of the effects table; `variant` numbers the questions."""
        return stacked(self.frames)

    def _measure(self, variants: list[Variant], rows: Rows, where: Sequence[Selection]) -> Values:
        wanted: dict[int, list[int]] = {}
        for row in rows.tolist():
            number, inside = self._places[row]
            wanted.setdefault(number, []).append(inside)
        chosen = [replace(where[number], rows=tuple(inside)) for number, inside in wanted.items()]
        made = self._study.measure(variants, chosen)
        values = _matrix(made, len(variants))
        self.frames.append(made.assign(variant=made["variant"] + self._done))
        self._done += len(variants)
        return values


class Replay(Ledger):
    """Answers from the effects table of a finished probe, question by question in their order."""

    def __init__(self, effects: pd.DataFrame) -> None:
        ordered = effects.sort_values(["variant", "prompt"], kind="stable")
        number = ordered["variant"].to_numpy()
        self._starts = np.flatnonzero(np.r_[True, number[1:] != number[:-1], True])
        self._values = ordered["value"].to_numpy()
        self._next = 0
        first = effects.drop_duplicates("prompt").sort_values("prompt")
        self.clusters = first["pair"].astype(str).tolist()

    def _answer(self, sets: Sequence[frozenset[int]], rows: Rows, asked: _Question) -> Values:
        return self._take(len(sets), len(rows))

    def corrupted(self) -> Float[np.ndarray, " row"]:
        """As Ledger.corrupted, from the rows."""
        return np.asarray(self._take(1, len(self.clusters))[0])

    def _take(self, n_sets: int, n_rows: int) -> Values:
        edges = self._starts[self._next : self._next + n_sets + 1]
        if len(edges) != n_sets + 1 or (np.diff(edges) != n_rows).any():
            raise ValueError("the search asks for something that was not measured: its settings have changed")
        self._next += n_sets
        return np.asarray(self._values[edges[0] : edges[-1]].reshape(n_sets, n_rows))


def _matrix(made: pd.DataFrame, n_variants: int) -> Values:
    ordered = made.sort_values(["variant", "prompt"], kind="stable")
    return np.asarray(ordered["value"].to_numpy().reshape(n_variants, -1))
