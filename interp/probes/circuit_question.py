"""What a circuit search is asked: its settings and candidates, and the prompts that rank and that measure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from interp.analysis.circuits import EdgeOrder
from interp.interventions.edits import Edit, Variant
from interp.measure.study import Selection, Study


@runtime_checkable
class CircuitSearch(Protocol):
    """The settings of a search, and the candidates and prompts that it is over."""

    @property
    def label(self) -> str: ...
    @property
    def orders(self) -> Sequence[EdgeOrder]: ...
    @property
    def remove(self) -> float: ...
    @property
    def seeds(self) -> int: ...
    @property
    def explained(self) -> float: ...
    @property
    def random_sets(self) -> int: ...
    @property
    def nonsense(self) -> bool: ...
    @property
    def reduces_exactly(self) -> bool:
        """Whether `reduced` runs every candidate, as the order `exact` does, and takes no gradient."""
        ...

    def variants(self, study: Study) -> Iterable[Variant]: ...
    def candidates(self, study: Study) -> list[Edit]: ...
    def where(self, study: Study) -> list[Selection]: ...
    def ranking(self, study: Study) -> list[Selection]:
        """The wordings that rank; the others measure, or the same where there is no other."""
        ...

    def reduced(
        self, study: Study, here: Selection, candidates: list[Edit], kept: Bool[np.ndarray, " candidate"]
    ) -> Float[np.ndarray, "row candidate"]:
        """Effect of also replacing each kept candidate, where the others are replaced already; on every prompt."""
        ...


@runtime_checkable
class Estimating(Protocol):
    """A search whose candidates can also be ranked by integrated gradients."""

    def integrated(
        self, study: Study, here: Selection, candidates: list[Edit]
    ) -> Float[np.ndarray, "row candidate"]: ...


@dataclass(frozen=True)
class Question:
    """The prompts of a search with the answers that they are asked for; the rows of `nonsense` carry its name.

    `ranking` and `measuring` are the selections that rank and that measure.
    """

    ranking: list[Selection]
    measuring: list[Selection]
    nonsense: bool = False

    def group(self, kind: EdgeOrder, seed: int) -> str:
        """What the rows of a curve are called by."""
        return f"{'nonsense ' if self.nonsense else ''}{kind} {seed}"

    def ends(self) -> str:
        """What the rows with all candidates, and with none, are called by."""
        return "nonsense" if self.nonsense else ""

    def where(self) -> list[Selection]:
        """All selections, each once."""
        return list({id(selection.prompts): selection for selection in (*self.ranking, *self.measuring)}.values())


def measuring(probe: CircuitSearch, study: Study) -> list[Selection]:
    """Other wordings than those that rank, where there are any."""
    ranking = {id(selection.prompts) for selection in probe.ranking(study)}
    where = probe.where(study)
    return [selection for selection in where if id(selection.prompts) not in ranking] or where


def n_ranked(probe: CircuitSearch, study: Study) -> int:
    """Prompts that rank."""
    return sum(len(selection.rows) for selection in probe.ranking(study))


def numbers(here: Selection) -> list[int]:
    """The numbers of its prompts in the run."""
    return [here.prompts.prompts[row] for row in here.rows]
