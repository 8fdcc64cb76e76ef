"""Which positions of a long prompt a figure shows: all of a short one, else those nearest to key and query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from interp.words.phrases import runs_text

MOST = 40


@dataclass(frozen=True)
class Window:
    """Positions (from 1, rising) out of a prompt of `n` tokens."""

    positions: tuple[int, ...]
    n: int

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def rows(self) -> list[int]:
        """The positions as indices from 0, for arrays over the whole prompt."""
        return [position - 1 for position in self.positions]

    @property
    def breaks(self) -> list[int]:
        """Places in the window (from 1) before which positions are left out between two that are shown."""
        pairs = zip(self.positions, self.positions[1:], strict=False)
        return [place for place, (position, other) in enumerate(pairs, start=1) if other > position + 1]

    def only(self, positions: Iterable[int]) -> Window:
        """Those of the window that are among `positions`."""
        wanted = set(positions)
        return Window(tuple(position for position in self.positions if position in wanted), self.n)

    def place(self, position: int) -> int:
        """Where a position stands in the window, from 1."""
        return self.positions.index(position) + 1

    @property
    def words(self) -> str:
        """A sentence for the caption, with a space before it; empty when everything is shown."""
        if len(self) == self.n:
            return ""
        return f" Of {self.n} positions, {runs_text(list(self.positions))} are shown."


def window(n: int, anchors: Iterable[int], most: int = MOST) -> Window:
    """The `most` positions nearest to any of the anchors (key, query, ...), or all where there are not more."""
    anchors = sorted(set(anchors))
    near = sorted(range(1, n + 1), key=lambda position: min(abs(position - anchor) for anchor in anchors))
    return Window(tuple(sorted(near[: max(most, len(anchors))])), n)
