"""Two models on the same prompts: paired differences and ratios, with one set of resamples for both.

Both sides of every difference and ratio are resampled together, by word pair, so what the prompts have in common cancels.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from interp.analysis.bootstrap import Bootstrap, plain
from interp.analysis.findings import MeanFound
from interp.analysis.findings_of_comparison import PairedFound, RatioFound


def paired(first: Float[np.ndarray, " prompt"], second: Float[np.ndarray, " prompt"], boot: Bootstrap) -> PairedFound:
    """Means of both and of their difference on the same prompts."""
    sides = [MeanFound.of(estimate) for estimate in boot.mean(np.stack([first, second, second - first], axis=1))]
    return PairedFound(first=sides[0], second=sides[1], difference=sides[2])


def count_ratio(
    first: int | float | None,
    second: int | float | None,
    firsts: Float[np.ndarray, " resample"],
    seconds: Float[np.ndarray, " resample"],
    boot: Bootstrap,
) -> RatioFound:
    """How many times more the first needs than the second, from both counts in the same resamples.

    A count that is not reached is infinite: the ratio then has an open end, or none at all.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        samples = firsts / seconds
    value = None if first is None or second is None or second == 0 else first / second
    if boot.n_clusters < 2 or np.isnan(samples).any():
        return RatioFound(value=value, low=None, high=None)
    tail = boot.tail()
    # Resamples without a finite ratio must not be averaged with others.
    low, high = np.quantile(samples, [tail, 1 - tail], method="nearest")
    return RatioFound(value=value, low=plain(float(low)), high=plain(float(high)))
