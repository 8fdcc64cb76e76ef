"""Where a share curve reaches its target: the first time, for good, and between two points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from interp.analysis.findings import Crossing

TARGETS = (0.7, 0.8, 0.9)
CLOSE = 1e-9
FLAT, MANY = 10, 0.1
"""A curve is flat where the next share takes ten times as many parts as the one before, and a tenth of all there are."""
Curve = Float[np.ndarray, " point"]


def crossing(curve: Curve, counts: Sequence[int], target: float) -> Crossing:
    """Both crossings of a curve that is known at `counts`."""
    first, staying = (
        None if place is None else int(counts[place]) for place in (reaching(curve, target), lasting(curve, target))
    )
    return Crossing(target=target, first=first, staying=staying, stable=first == staying)


def reaching(curve: Curve, target: float) -> int | None:
    """The first place at which the curve is at or above the target; None when it never is."""
    reached = np.flatnonzero(curve >= target - CLOSE)
    return int(reached[0]) if len(reached) else None


def lasting(curve: Curve, target: float) -> int | None:
    """The first place from which the curve stays at or above the target; None when it ends below it."""
    below = np.flatnonzero(~(curve >= target - CLOSE))
    place = 0 if len(below) == 0 else int(below[-1]) + 1
    return place if place < len(curve) else None


def interpolated(curve: Curve, counts: Sequence[int], target: float) -> float | None:
    """Where the curve, drawn as straight lines between its points, crosses the target for good; None when it ends below."""
    place = lasting(curve, target)
    if place is None or place == 0:
        return None if place is None else float(counts[0])
    before, after = curve[place - 1], curve[place]
    if not np.isfinite(before):
        return float(counts[place])
    part = (target - before) / (after - before) if after > before else 1.0
    return float(counts[place - 1] + min(max(part, 0.0), 1.0) * (counts[place] - counts[place - 1]))


Needed = tuple[float, float | None]
"""A share, and how many parts explain it; None: never."""


def flats(needed: Iterable[Needed], n_candidates: int) -> list[tuple[Needed, Needed]]:
    """Neighbouring shares between which the curve hardly rises until parts join that its order puts last."""
    return [
        (before, after)
        for before, after in pairwise(sorted(needed, key=lambda one: one[0]))
        if before[1] is not None and after[1] is not None and after[1] > max(FLAT * before[1], MANY * n_candidates)
    ]
