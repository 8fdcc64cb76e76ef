"""Clustered bootstrap: intervals for prompts that share a word pair.

Prompts of one word pair are not independent, so word pairs, not prompts, are drawn with replacement (the cluster
bootstrap; Davison & Hinkley 1997, section 3.8). A resample is a multiplicity for every prompt, and all statistics here
are weighted means or ratios of them, so every resample of every cell comes from one matrix product. Intervals are
percentile intervals. One cluster says nothing about the spread: its intervals are NaN, never of width 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Estimate:
    """A mean or ratio with its interval and standard error; `n` prompts in `n_clusters` clusters."""

    mean: float
    low: float
    high: float
    sem: float
    n: int
    n_clusters: int

    def as_dict(self) -> dict[str, float | int | None]:
        """Plain data, with None where a number is undefined."""
        return {name: plain(getattr(self, name)) for name in ("mean", "low", "high", "sem", "n", "n_clusters")}


def plain(value: float | int) -> float | int | None:
    """A Python number; None for NaN and infinities, which JSON lacks."""
    if isinstance(value, int | np.integer):
        return int(value)
    return float(value) if math.isfinite(value) else None


class Bootstrap:
    """Resamples of the clusters of n prompts, shared by all statistics of one table.

    Args:
        clusters: the cluster of each prompt, in the order of the arrays' first axis.
        n_resamples: how many resamples are drawn.
        confidence: coverage of the intervals, 0.95 for 95 %.
        rng: the source of randomness.
    """

    def __init__(self, clusters: Sequence[str], n_resamples: int, confidence: float, rng: np.random.Generator) -> None:
        # Sorted clusters make the intervals independent of the order of the prompts.
        names, self._member = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)
        self.n, self.n_clusters, self.confidence = len(self._member), len(names), confidence
        drawn = rng.multinomial(self.n_clusters, np.full(self.n_clusters, 1 / self.n_clusters), size=n_resamples)
        self.weights: Int[np.ndarray, "resample prompt"] = drawn[:, self._member]

    def means(self, values: Float[np.ndarray, " prompt *cell"]) -> Float[np.ndarray, " resample *cell"]:
        """The mean of every cell in every resample."""
        flat = self._checked(values).reshape(self.n, -1)
        totals = self.weights.sum(axis=1, keepdims=True)
        return (self.weights @ flat / totals).reshape(-1, *values.shape[1:])

    def interval(
        self, samples: Float[np.ndarray, " resample *cell"]
    ) -> tuple[Float[np.ndarray, "*cell"], Float[np.ndarray, "*cell"]]:
        """Percentile interval over resamples; NaN from one cluster, or where a resample has no value."""
        if self.n_clusters < 2:
            missing = np.full(samples.shape[1:], np.nan)
            return missing, missing
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(samples, [tail, 1 - tail], axis=0)
        return np.asarray(low), np.asarray(high)

    def mean(self, values: Float[np.ndarray, "prompt cell"]) -> list[Estimate]:
        """Mean, interval and cluster-robust standard error of every cell."""
        low, high = self.interval(self.means(values))
        sem = self.sem(values)
        return [self._estimate(*cell) for cell in zip(values.mean(axis=0), low, high, sem, strict=True)]

    def ratio(
        self, numerator: Float[np.ndarray, "prompt cell"], denominator: Float[np.ndarray, " prompt"]
    ) -> list[Estimate]:
        """Ratio of means, numerator and denominator resampled together; its sem is that of the resamples."""
        samples = self.ratios(numerator, denominator)
        low, high = self.interval(samples)
        spread = samples.std(axis=0, ddof=1) if self.n_clusters > 1 else np.full(samples.shape[1:], np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            point = numerator.mean(axis=0) / denominator.mean()
        return [self._estimate(*cell) for cell in zip(point, low, high, spread, strict=True)]

    def ratios(
        self, numerator: Float[np.ndarray, "prompt cell"], denominator: Float[np.ndarray, " prompt"]
    ) -> Float[np.ndarray, "resample cell"]:
        """The ratio of means in every resample; NaN where a denominator is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.means(numerator) / self.means(denominator[:, None])

    def sem(self, values: Float[np.ndarray, " prompt *cell"]) -> Float[np.ndarray, "*cell"]:
        """Cluster-robust standard error of the mean: sqrt(C / (C - 1) * sum_c (sum_{i in c} r_i)^2) / n, with residuals
        r_i from the mean and C clusters. With one prompt a cluster it is the ordinary standard error."""
        if self.n_clusters < 2:
            return np.full(values.shape[1:], np.nan)
        residual = self._checked(values) - values.mean(axis=0)
        sums = np.zeros((self.n_clusters, *values.shape[1:]))
        np.add.at(sums, self._member, residual)
        return np.sqrt(self.n_clusters / (self.n_clusters - 1) * (sums**2).sum(axis=0)) / self.n

    def _checked(self, values: Float[np.ndarray, " prompt *cell"]) -> Float[np.ndarray, " prompt *cell"]:
        if len(values) != self.n:
            raise ValueError(f"{len(values)} rows of values for {self.n} prompts")
        if not np.isfinite(values).all():
            raise ValueError("values contain NaN or infinity")
        return values

    def _estimate(self, mean: float, low: float, high: float, sem: float) -> Estimate:
        return Estimate(float(mean), float(low), float(high), float(sem), self.n, self.n_clusters)
