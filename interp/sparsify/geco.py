"""The constrained optimisation of Rezende & Viola 2018 (GECO): minimise a density subject to loss <= target.

    c     = moving average of (loss - target)
    lam   <- clip(lam * exp(-rate * c / scale), minimum, maximum)
    total = loss + lam * density

Under the target the multiplier presses harder, over it it eases off. `scale` is the room between the target and the
dense model's own loss, so that one rate fits tight and loose targets; the sources leave the rate open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Geco:
    """The multiplier and the moving average; both are all the state there is."""

    target: float
    rate: float
    multiplier: float
    minimum: float
    maximum: float
    smoothing: float
    scale: float
    constraint: float | None = None

    def update(self, loss: float) -> None:
        """Take one step's loss (nats) into account."""
        excess = loss - self.target
        before = excess if self.constraint is None else self.constraint
        self.constraint = self.smoothing * before + (1 - self.smoothing) * excess
        # A burst of loss eases the pressure off, but does not throw away what was learnt about it.
        push = max(-1.0, min(1.0, self.constraint / self.scale))
        self.multiplier = min(max(self.multiplier * math.exp(-self.rate * push), self.minimum), self.maximum)
