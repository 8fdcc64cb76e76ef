"""Share curves on word pairs that had no say in the choice of heads, with intervals that choose again.

Every prompt is measured with the heads in the order that the *other* half's prompts gave. So

    f(n) = sum_i (m_i(n) - m_i(none)) / sum_i (m_i(all) - m_i(none))          i over all prompts, a ratio of means

is an unbiased estimate of what the best n heads, chosen on half of the word pairs, carry on others.

Its error has two parts. *Other prompts*: word pairs are resampled with the sets as they are. *Other sets*: every
re-ranking draws the word pairs of a half anew, ranks the heads by them, and runs the new sets on the other half, exactly;
how far those curves scatter around their mean is what the choice adds. A resample is f(n) plus one deviation of each
kind. Re-ranked curves themselves lie lower than f(n), as a resampled half holds fewer different word pairs; only their
scatter is used. tests/analysis/test_coverage.py holds the intervals against known effects with interactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from interp.analysis.bootstrap import FEW, Bootstrap, plain
from interp.analysis.crossings import crossing, lasting, reaching
from interp.analysis.findings import Crossing, CurvePoint


@dataclass(frozen=True)
class HeldOut:
    """A share curve at `counts` kept heads, with its pointwise interval.

    `samples` are curves of other prompts and other sets; `fresh` those that another sample of as many word pairs would
    show, whose own error comes on top.
    """

    counts: tuple[int, ...]
    curve: Float[np.ndarray, " point"]
    samples: Float[np.ndarray, "resample point"]
    fresh: Float[np.ndarray, "resample point"]
    accelerations: Float[np.ndarray, " point"]
    boot: Bootstrap

    def band(self) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]:
        """The pointwise interval."""
        return self.boot.interval(self.samples, self.curve, self.accelerations)

    def points(self) -> list[CurvePoint]:
        """The curve with its band."""
        low, high = self.band()
        rows = zip(self.counts, self.curve, low, high, strict=True)
        return [CurvePoint(n=n, share=plain(f), low=plain(a), high=plain(b)) for n, f, a, b in rows]

    def crossing(self, target: float) -> Crossing:
        """How many heads are needed for the target, counted both ways."""
        return crossing(self.curve, self.counts, target)

    def needed(self, target: float, staying: bool = True) -> Float[np.ndarray, " resample"]:
        """Heads needed in every resample; infinite where the target is not reached."""
        find = lasting if staying else reaching
        n_of = np.array([*map(float, self.counts), np.inf])
        places = [find(sample, target) for sample in self.samples]
        return n_of[[len(self.counts) if place is None else place for place in places]]

    def count_interval(self, target: float, staying: bool = True) -> tuple[int | None, int | None]:
        """The interval of the number of heads; an end is None where some resamples never reach the target."""
        if self.boot.n_clusters < 2:
            return None, None
        tail = self.boot.tail()
        ends = np.quantile(self.needed(target, staying), [tail, 1 - tail], method="nearest")
        low, high = (int(end) if np.isfinite(end) else None for end in ends)
        return low, high

    def at(self, n: int) -> dict[str, float | None]:
        """The share of n heads with its interval, and the interval of a fresh sample's share."""
        place = self.counts.index(n)
        low, high = (float(side[place]) for side in self.band())
        tail = self.boot.tail()
        new = np.quantile(self.fresh[:, place], [tail, 1 - tail]) if self.boot.n_clusters > 1 else [np.nan, np.nan]
        return {
            "share": plain(float(self.curve[place])),
            "share_low": plain(low),
            "share_high": plain(high),
            "fresh_low": plain(float(new[0])),
            "fresh_high": plain(float(new[1])),
        }


def share(
    kept: Float[np.ndarray, "*extra prompt point"],
    none: Float[np.ndarray, " prompt"],
    everything: Float[np.ndarray, " prompt"],
) -> Float[np.ndarray, "*extra point"]:
    """(m(kept) - m(none)) / (m(all) - m(none)), a ratio of means over prompts."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((kept - none[:, None]).mean(axis=-2) / (everything - none).mean())


def held_out(
    kept: Float[np.ndarray, "prompt point"],
    none: Float[np.ndarray, " prompt"],
    everything: Float[np.ndarray, " prompt"],
    counts: Sequence[int],
    boot: Bootstrap,
    rng: np.random.Generator,
    reranked: tuple[Sequence[int], Float[np.ndarray, "order prompt window"]] | None = None,
) -> HeldOut:
    """The curve and its resamples.

    Args:
        kept: the metric of every prompt with the n heads that the other half put first kept, for n in `counts`.
        none, everything: the metric with no head kept, and with all.
        boot: resamples over the same prompts.
        rng: pairs deviations of the two kinds.
        reranked: numbers of heads, and the metric with as many kept, in orders from resampled halves.
    """
    total = everything - none
    curve = share(kept, none, everything)
    samples = boot.ratios(kept - none[:, None], total)
    prompts = samples - samples.mean(axis=0)
    sets = np.zeros_like(samples)
    if reranked is not None and len(reranked[1]) > 1:
        window, values = reranked
        sets = _scatter(share(values, none, everything), window, counts)[rng.integers(len(values), size=len(samples))]
    bend = boot.accelerations(kept - none[:, None], total) if boot.n_clusters < FEW else np.zeros(len(curve))
    other = prompts[rng.permutation(len(prompts))]
    return HeldOut(tuple(counts), curve, curve + prompts + sets, curve + prompts + sets + other, bend, boot)


def _scatter(
    curves: Float[np.ndarray, "order window"], window: Sequence[int], counts: Sequence[int]
) -> Float[np.ndarray, "order point"]:
    """Deviations of re-ranked curves from their mean at all counts: straight lines between those that were run, and
    nothing where none or all heads are kept."""
    many = len(curves)
    away = (curves - curves.mean(axis=0)) * np.sqrt(many / (many - 1))
    places = np.array([counts.index(n) for n in window])
    edges = np.zeros((many, 1))
    at = np.array([0, *places, len(counts) - 1])
    padded = np.concatenate([edges, away, edges], axis=1)
    return np.stack([np.interp(np.arange(len(counts)), at, curve) for curve in padded])
