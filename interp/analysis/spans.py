"""Layer span of a token group: the layers in which it is at work (docs/definitions.md, Layer span)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LayerSpan:
    """Layers at work; `first`, `last` and the gaps between them are None and empty when there is none."""

    layers: tuple[int, ...]

    @property
    def first(self) -> int | None:
        """First layer at work."""
        return self.layers[0] if self.layers else None

    @property
    def last(self) -> int | None:
        """Last layer at work."""
        return self.layers[-1] if self.layers else None

    @property
    def gaps(self) -> tuple[int, ...]:
        """Layers inside the span that are not at work."""
        if not self.layers:
            return ()
        return tuple(sorted(set(range(self.layers[0], self.layers[-1] + 1)) - set(self.layers)))


def layer_span(change: Sequence[tuple[float, float]], threshold: float) -> LayerSpan:
    """The layers whose change (1 = the whole clean-corrupted gap) is for sure at least `threshold` in size.

    `change` gives the ends of every layer's interval; where both are the same, that number.
    """
    return LayerSpan(tuple(layer for layer, (low, high) in enumerate(change) if low >= threshold or high <= -threshold))
