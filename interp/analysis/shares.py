"""What "these heads carry 80 %" means, in three definitions (method.md section 4).

joint     heads ranked by |mean single effect|; with the best n key->query edges kept and all others cut,
          f(n) = (m(n) - m(none)) / (m(all) - m(none)), a ratio of means over prompts; the answer is the smallest n from
          which f stays at or above the target.
absolute  smallest n whose summed |mean effect| reaches the target share of the sum over all heads.
net       the same over signed effects in descending order; it may need few heads, because negative heads cancel.

The number of heads carries an interval too. For absolute and net every resample ranks anew; for joint the curve is
resampled with the full sample's ranking, since the kept sets were run in that order. A resample that never reaches the
target counts as N + 1 heads, and an interval that ends there is open (None).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.bootstrap import Bootstrap, plain

Curve = Float[np.ndarray, " n_plus_1"]


@dataclass(frozen=True)
class Share:
    """n heads reach the target; `share` is the curve's value there. None where the target is never reached."""

    n: int | None
    n_low: int | None
    n_high: int | None
    share: float | None
    share_low: float | None
    share_high: float | None
    heads: tuple[int, ...]
    counts: Float[np.ndarray, " resample"] | None = None
    """n in every resample, for paired comparisons; infinite where the target is not reached."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data without the heads, which the caller names."""
        names = ("n", "n_low", "n_high", "share", "share_low", "share_high")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class HeadShares:
    """All three definitions, and the joint curve with its pointwise band."""

    shares: dict[str, Share]
    curve: Curve
    low: Curve
    high: Curve
    kept: tuple[int, ...]

    def curve_as_dicts(self) -> list[dict[str, Any]]:
        """One point for every n."""
        points = zip(self.kept, zip(self.curve, self.low, self.high, strict=True), strict=True)
        return [{"n": n, "share": plain(f), "low": plain(low), "high": plain(high)} for n, (f, low, high) in points]


def rank(carried: Float[np.ndarray, "prompt head"]) -> list[int]:
    """Heads by the absolute size of their mean effect, largest first; ties by number."""
    return [int(head) for head in np.argsort(-np.abs(carried.mean(axis=0)), kind="stable")]


def joint_curve(kept: Float[np.ndarray, "prompt n_plus_1"]) -> Curve:
    """f(n) from the metric with the best n edges kept (column 0: none, last column: all)."""
    mean = kept.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (mean - mean[0]) / (mean[-1] - mean[0])


def absolute_curve(effect: Float[np.ndarray, "*sample head"]) -> Float[np.ndarray, "*sample n_plus_1"]:
    """Share of the summed absolute effects that the n largest hold."""
    return _cumulative(-np.sort(-np.abs(effect), axis=-1))


def net_curve(effect: Float[np.ndarray, "*sample head"]) -> Float[np.ndarray, "*sample n_plus_1"]:
    """Share of the summed signed effects that the n most positive hold; NaN when that sum is not positive."""
    curve = _cumulative(-np.sort(-effect, axis=-1))
    return np.where(effect.sum(axis=-1, keepdims=True) > 0, curve, np.nan)


def smallest_staying(curve: Curve, target: float) -> int | None:
    """Smallest n from which the curve stays at or above the target; None when it ends below it."""
    below = np.flatnonzero(~(curve >= target - 1e-9))
    n = 0 if len(below) == 0 else int(below[-1]) + 1
    return n if n < len(curve) else None


def smallest_reaching(curve: Curve, target: float) -> int | None:
    """Smallest n at which the curve is at or above the target; None when it never is."""
    reached = np.flatnonzero(curve >= target - 1e-9)
    return int(reached[0]) if len(reached) else None


def head_shares(
    carried: Float[np.ndarray, "prompt head"],
    kept: Float[np.ndarray, "prompt n_plus_1"],
    target: float,
    boot: Bootstrap,
) -> HeadShares:
    """All three definitions with intervals.

    Args:
        carried: what the metric loses when one head's key->query edge is cut alone, in metric units.
        kept: the metric with the best n edges of `rank(carried)` kept and every other cut, n = 0 to all.
        target: the share to reach, 0.8 for 80 %.
        boot: resamples over the same prompts.
    """
    effect, effects = carried.mean(axis=0), boot.means(carried)
    curve = joint_curve(kept)
    samples = boot.ratios(kept - kept[:, :1], kept[:, -1] - kept[:, 0])
    low, high = boot.interval(samples)
    by_size, by_value = rank(carried), [int(head) for head in np.argsort(-effect, kind="stable")]
    return HeadShares(
        shares={
            "joint": _share(curve, samples, smallest_staying, by_size, target, boot),
            "absolute": _share(
                absolute_curve(effect), absolute_curve(effects), smallest_reaching, by_size, target, boot
            ),
            "net": _share(net_curve(effect), net_curve(effects), smallest_reaching, by_value, target, boot),
        },
        curve=curve,
        low=low,
        high=high,
        kept=tuple(range(len(curve))),
    )


def edge_shares(
    carried: Float[np.ndarray, "prompt edge"],
    kept: Float[np.ndarray, "prompt point"],
    counts: Sequence[int],
    target: float,
    boot: Bootstrap,
) -> HeadShares:
    """The same for edges, whose joint curve is known on a grid only: `counts[i]` edges are kept in column i of `kept`.

    Its n is the first number on the grid from which the curve stays at or above the target.
    """
    found = head_shares(carried, kept, target, boot)
    joint = found.shares["joint"]

    def on_grid(place: int | None) -> int | None:
        return None if place is None else counts[place]

    n_of = np.array([*map(float, counts), np.inf])
    places = np.minimum(np.nan_to_num(np.asarray(joint.counts), posinf=len(counts)), len(counts)).astype(int)
    shares = {
        **found.shares,
        "joint": replace(
            joint,
            n=on_grid(joint.n),
            n_low=on_grid(joint.n_low),
            n_high=on_grid(joint.n_high),
            heads=(),
            counts=n_of[places],
        ),
    }
    return HeadShares(shares, found.curve, found.low, found.high, tuple(counts))


def _share(
    curve: Curve,
    samples: Float[np.ndarray, "resample n_plus_1"],
    first: Callable[[Curve, float], int | None],
    order: list[int],
    target: float,
    boot: Bootstrap,
) -> Share:
    never = len(curve)
    counts: Int[np.ndarray, " resample"] = np.array(
        [never if (n := first(one, target)) is None else n for one in samples], dtype=float
    )
    n_low, n_high = (_count(edge, never) for edge in boot.interval(counts))
    n = first(curve, target)
    reached = np.where(counts >= never, np.inf, counts)
    if n is None:
        return Share(None, n_low, n_high, None, None, None, (), reached)
    low, high = (plain(float(edge)) for edge in boot.interval(samples[:, n]))
    return Share(n, n_low, n_high, float(curve[n]), low, high, tuple(order[:n]), reached)


def _count(edge: Float[np.ndarray, ""] | float, never: int) -> int | None:
    value = float(edge)
    return None if np.isnan(value) or round(value) >= never else round(value)


def _cumulative(sorted_effects: Float[np.ndarray, "*sample head"]) -> Float[np.ndarray, "*sample n_plus_1"]:
    summed = np.cumsum(sorted_effects, axis=-1)
    none = np.zeros((*summed.shape[:-1], 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.concatenate([none, summed / summed[..., -1:]], axis=-1)
