"""What the probes that search for a circuit share: what counts as enough, what it is held against, and how it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from interp.configs.lazy import lazy
from interp.probes.base import Probe

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Study
    from interp.probes import circuit_search
else:
    circuit_search: Any = lazy("interp.probes.circuit_search")
    pd = lazy("pandas")


class CircuitProbe(Probe):
    """A search for the parts that are enough for, and needed by, a share of what all of them do."""

    explained: float = Field(default=0.9, gt=0, lt=1, description="The share whose number of parts is the verdict.")
    random_sets: int = Field(
        default=100,
        ge=0,
        le=10_000,
        description="Random sets of the found set's size, kept alone and replaced alone; 0: none.",
    )
    nonsense: bool = Field(
        default=True,
        description="Search once more for arbitrary answers (a random pairing): what would be found where nothing is.",
    )

    def run(self, study: Study) -> pd.DataFrame:
        """The orders, the curves in both directions, and the controls."""
        return circuit_search.run(self, study)  # type: ignore[arg-type]  # candidates and orders are the subclass'

    def n_rows(self, study: Study) -> int:
        """Single effects where they are run, the curves and the controls; what only ranks leaves no rows."""
        return circuit_search.n_rows(self, study)  # type: ignore[arg-type]
