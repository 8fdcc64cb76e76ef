"""Two models on the same prompts: paired differences and ratios, with one set of resamples for both.

Both sides of every difference and ratio are resampled together, by word pair, so what the prompts have in common cancels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from interp.analysis.bootstrap import Bootstrap, Estimate, plain


@dataclass(frozen=True)
class Paired:
    """A mean on both sides and the mean difference, second minus first."""

    first: Estimate
    second: Estimate
    difference: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {name: getattr(self, name).as_dict() for name in ("first", "second", "difference")}


@dataclass(frozen=True)
class Ratio:
    """first / second with its interval; None where it is undefined or has no bound."""

    value: float | None
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, float | None]:
        """Plain data."""
        return {"value": self.value, "low": self.low, "high": self.high}


def paired(first: Float[np.ndarray, " prompt"], second: Float[np.ndarray, " prompt"], boot: Bootstrap) -> Paired:
    """Means of both and of their difference on the same prompts."""
    return Paired(*boot.mean(np.stack([first, second, second - first], axis=1)))


def count_ratio(
    first: int | float | None,
    second: int | float | None,
    firsts: Float[np.ndarray, " resample"],
    seconds: Float[np.ndarray, " resample"],
    boot: Bootstrap,
) -> Ratio:
    """How many times more the first needs than the second, from both counts in the same resamples.

    A count that is not reached is infinite: the ratio then has an open end, or none at all.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        samples = firsts / seconds
    value = None if first is None or second is None or second == 0 else first / second
    if boot.n_clusters < 2 or np.isnan(samples).any():
        return Ratio(value, None, None)
    tail = boot.tail()
    # Resamples without a finite ratio must not be averaged with others.
    low, high = np.quantile(samples, [tail, 1 - tail], method="nearest")
    return Ratio(value, plain(float(low)), plain(float(high)))
