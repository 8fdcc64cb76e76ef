"""What an executor gives: a round of work that has begun, which can be looked at and stopped."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Round(Protocol):
    """Work on a sweep's unfinished points, begun by an executor.

    What became of a point is read from the sweep's folder (interp.sweep.store), never from here: a round that nobody looks at
    goes on all the same.
    """

    def alive(self) -> bool:
        """Whether any of its processes or jobs still waits or runs; also the place to mend what has died."""
        ...

    def leave(self) -> None:
        """The one who looked on presses Ctrl-C: local processes end, and keep what is finished; jobs of a cluster go on."""
        ...

    @property
    def words(self) -> str:
        """What the table of the sweep says of it: `2 processes`, `Slurm job 4711`."""
        ...
