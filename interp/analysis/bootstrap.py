"""Clustered bootstrap: intervals for prompts that share a word pair.

Prompts of one word pair are not independent, so word pairs, not prompts, are drawn with replacement (the cluster
bootstrap; Davison & Hinkley 1997, section 3.8). A resample is a multiplicity for every prompt, and all statistics here
are weighted means or ratios of them, so every resample of every cell comes from one matrix product.

Below `FEW` clusters intervals are BCa (Efron 1987: bias-corrected and accelerated, the acceleration from leaving out one
cluster at a time), from there on percentile intervals. Both take their tails a little further out than nominal, as
Student's t needs from few clusters (the expanded levels of Hesterberg 2015, section 5.3): a percentile interval of ten
means covers 90 % where it says 95 %. One cluster says nothing about the spread: its intervals are NaN, never of width 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.configs.lazy import lazy

if TYPE_CHECKING:
    from scipy import special, stats
else:
    special = lazy("scipy.special")
    stats = lazy("scipy.stats")

FEW = 30  # clusters below which intervals are BCa


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


def interval_method(n_clusters: int) -> str:
    """What an interval over so many clusters is called in a report."""
    return "BCa" if n_clusters < FEW else "percentile"


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
        self._rng, self._n_resamples = rng, n_resamples
        self.weights = self._drawn(np.arange(self.n_clusters), rng)[:, self._member]

    weights: Int[np.ndarray, "resample prompt"]
    """How often each prompt is in each resample."""

    def within(self, part: Bool[np.ndarray, " prompt"]) -> Int[np.ndarray, "resample prompt"]:
        """Resamples that draw clusters from a part of the prompts and from the rest separately, as many as there are in each.

        For a statistic that treats the two differently (one half ranks, the other is measured). The part must be made of
        whole clusters; ValueError where a cluster is in both.
        """
        inside, outside = (np.unique(self._member[side]) for side in (part, ~part))
        if np.intersect1d(inside, outside).size:
            raise ValueError("a cluster is in both parts")
        # Streams of their own, so that what is drawn later does not depend on whether this was asked for.
        first, second = self._rng.spawn(2)
        return (self._drawn(inside, first) + self._drawn(outside, second))[:, self._member]

    def _drawn(
        self, clusters: Int[np.ndarray, " cluster"], rng: np.random.Generator
    ) -> Int[np.ndarray, "resample every_cluster"]:
        """How often each cluster is drawn, when as many as there are in `clusters` are drawn from them."""
        counts = np.zeros((self._n_resamples, self.n_clusters), dtype=np.int64)
        if len(clusters):
            counts[:, clusters] = rng.multinomial(
                len(clusters), np.full(len(clusters), 1 / len(clusters)), self._n_resamples
            )
        return counts

    def means(self, values: Float[np.ndarray, " prompt *cell"]) -> Float[np.ndarray, " resample *cell"]:
        """The mean of every cell in every resample."""
        flat = self._checked(values).reshape(self.n, -1)
        totals = self.weights.sum(axis=1, keepdims=True)
        return (self.weights @ flat / totals).reshape(-1, *values.shape[1:])

    def interval(
        self,
        samples: Float[np.ndarray, " resample *cell"],
        estimate: Float[np.ndarray, "*cell"] | float,
        acceleration: Float[np.ndarray, "*cell"] | float = 0.0,
    ) -> tuple[Float[np.ndarray, "*cell"], Float[np.ndarray, "*cell"]]:
        """The interval of a statistic from its resamples; NaN from one cluster, or where a resample has no value.

        `acceleration` as `accelerations` gives it; it is not used where intervals are percentile intervals.
        """
        if self.n_clusters < 2:
            missing = np.full(samples.shape[1:], np.nan)
            return missing, missing
        outer = special.ndtri(self.tail())
        point = np.asarray(estimate, dtype=float)
        if self.n_clusters >= FEW:
            levels = [np.full(point.shape, special.ndtr(edge)) for edge in (outer, -outer)]
        else:
            # Ties, up to rounding, count half, so that a statistic that never moves is not called biased.
            same = 1e-12 * np.maximum(np.abs(samples).max(axis=0), np.abs(point))
            below = ((samples < point - same).mean(axis=0) + (samples <= point + same).mean(axis=0)) / 2
            bias = special.ndtri(np.clip(below, 0.5 / len(samples), 1 - 0.5 / len(samples)))
            bent = [(bias + edge) / (1 - np.asarray(acceleration) * (bias + edge)) for edge in (outer, -outer)]
            levels = [special.ndtr(bias + edge) for edge in bent]
        return quantiles(samples, np.asarray(levels[0])), quantiles(samples, np.asarray(levels[1]))

    def tail(self) -> float:
        """The level whose normal quantile is Student's, for `n_clusters` clusters (Hesterberg 2015, section 5.3)."""
        few = self.n_clusters
        edge = stats.t.ppf((1 - self.confidence) / 2, few - 1)
        return float(special.ndtr(edge * math.sqrt(few / (few - 1))))

    def accelerations(
        self, numerator: Float[np.ndarray, " prompt *cell"], denominator: Float[np.ndarray, " prompt"]
    ) -> Float[np.ndarray, "*cell"]:
        """BCa's acceleration of a ratio of sums: the skewness of its values with one cluster left out, over six."""
        tops, bottoms = self._sums(numerator), self._sums(denominator)
        rest = (bottoms.sum(axis=0) - bottoms).reshape(-1, *[1] * (tops.ndim - 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            left_out = (tops.sum(axis=0) - tops) / rest
            away = left_out.mean(axis=0) - left_out
            skewed = (away**3).sum(axis=0) / (6 * (away**2).sum(axis=0) ** 1.5)
        return np.asarray(np.nan_to_num(skewed, nan=0.0, posinf=0.0, neginf=0.0))

    def mean_interval(
        self, values: Float[np.ndarray, " prompt *cell"]
    ) -> tuple[Float[np.ndarray, "*cell"], Float[np.ndarray, "*cell"]]:
        """The interval of every cell's mean over prompts."""
        bend = self.accelerations(values, np.ones(self.n)) if self.n_clusters < FEW else 0.0
        return self.interval(self.means(values), values.mean(axis=0), bend)

    def mean(self, values: Float[np.ndarray, "prompt cell"]) -> list[Estimate]:
        """Mean, interval and cluster-robust standard error of every cell."""
        low, high = self.mean_interval(values)
        sem = self.sem(values)
        return [self._estimate(*cell) for cell in zip(values.mean(axis=0), low, high, sem, strict=True)]

    def ratio(
        self, numerator: Float[np.ndarray, "prompt cell"], denominator: Float[np.ndarray, " prompt"]
    ) -> list[Estimate]:
        """Ratio of means, numerator and denominator resampled together; its sem is that of the resamples."""
        samples = self.ratios(numerator, denominator)
        spread = samples.std(axis=0, ddof=1) if self.n_clusters > 1 else np.full(samples.shape[1:], np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            point = numerator.mean(axis=0) / denominator.mean()
        low, high = self.interval(samples, point, self.accelerations(numerator, denominator))
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
        sums = self._sums(values - values.mean(axis=0))
        return np.sqrt(self.n_clusters / (self.n_clusters - 1) * (sums**2).sum(axis=0)) / self.n

    def _sums(self, values: Float[np.ndarray, " prompt *cell"]) -> Float[np.ndarray, " cluster *cell"]:
        sums = np.zeros((self.n_clusters, *values.shape[1:]))
        np.add.at(sums, self._member, self._checked(values))
        return sums

    def _checked(self, values: Float[np.ndarray, " prompt *cell"]) -> Float[np.ndarray, " prompt *cell"]:
        if len(values) != self.n:
            raise ValueError(f"{len(values)} rows of values for {self.n} prompts")
        if not np.isfinite(values).all():
            raise ValueError("values contain NaN or infinity")
        return values

    def _estimate(self, mean: float, low: float, high: float, sem: float) -> Estimate:
        return Estimate(float(mean), float(low), float(high), float(sem), self.n, self.n_clusters)


def quantiles(
    samples: Float[np.ndarray, " resample *cell"], level: Float[np.ndarray, "*cell"]
) -> Float[np.ndarray, "*cell"]:
    """Every cell's quantile at its own level, interpolated; NaN where a sample is."""
    ordered = np.sort(samples, axis=0)
    place = np.asarray(level) * (len(samples) - 1)
    lower = np.floor(place).astype(int)
    upper = np.minimum(lower + 1, len(samples) - 1)
    at = [np.take_along_axis(ordered, index[None], axis=0)[0] for index in (lower, upper)]
    values = at[0] + (place - lower) * (at[1] - at[0])
    return np.where(np.isnan(samples).any(axis=0), np.nan, values)
