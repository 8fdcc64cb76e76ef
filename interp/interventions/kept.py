"""The base runs of the prompt sets that were asked for last: making one again takes up to a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

from interp.interventions.budget import KEPT_SETS
from interp.interventions.runs import Runs
from interp.prompts.pairs import PromptSet


class KeptRuns:
    """Base runs by prompt set. Several threads may ask at once, each for sets of its own (interp.interventions.lanes).

    Args:
        bytes_of: what the base runs of a prompt set take.
    """

    def __init__(self, bytes_of: Callable[[PromptSet], int]) -> None:
        self._bytes_of = bytes_of
        self._runs: dict[int, tuple[PromptSet, Runs]] = {}
        self._lock = Lock()

    def of(self, prompts: PromptSet, make: Callable[[], Runs], limit: float) -> Runs:
        """The runs of a set; new ones are made when those of other sets leave room for them in `limit` bytes."""
        with self._lock:
            found = self._runs.pop(id(prompts), None)
            if found is None:
                self._make_room(prompts, limit)
                found = prompts, make()
            self._runs[id(prompts)] = found  # the last one is that asked for last
            return found[1]

    def _make_room(self, prompts: PromptSet, limit: float) -> None:
        """Free the activations of the sets asked for longest ago, until those of one more set fit."""
        sizes = [self._bytes_of(one) for one in (*(kept for kept, _ in self._runs.values()), prompts)]
        while self._runs and (len(self._runs) >= KEPT_SETS or sum(sizes) > limit):
            self._runs.pop(next(iter(self._runs)))
            sizes.pop(0)

    def forget(self, but: Sequence[PromptSet] = ()) -> None:
        """Free the kept activations, but for those of some prompt sets."""
        wanted = {id(prompts) for prompts in but}
        with self._lock:
            self._runs = {number: kept for number, kept in self._runs.items() if number in wanted}
