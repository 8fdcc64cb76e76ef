"""Shares of summed single effects, ranked on one half of the word pairs and summed on the other.

absolute   smallest n whose summed |mean effect| reaches the target share of the sum over all heads.
net        the same over signed effects, largest first; it may need few heads, because negative heads cancel.

Both are shares of the sum of *single* effects, which is not the effect of all edges together: heads stand in for each
other and build on each other. No model has to be run for them, so every resample draws both halves and ranks anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from interp.analysis.bootstrap import Bootstrap

Summed = Literal["absolute", "net"]


@dataclass(frozen=True)
class SummedShare:
    """The held-out curve for n = 0 to all, its resamples, and the sum of which it is a share (metric units)."""

    curve: Float[np.ndarray, " n_plus_1"]
    samples: Float[np.ndarray, "resample n_plus_1"]
    total: float


def summed_share(
    single: Float[np.ndarray, "prompt head"], second: Bool[np.ndarray, " prompt"], kind: Summed, boot: Bootstrap
) -> SummedShare:
    """The curve, averaged over both ways round; NaN where the sum of signed effects is not positive."""
    once = np.ones((1, len(single)))
    curve = _curves(single, second, kind, once)[0]
    # Word pairs are drawn within each half: drawn over both, a half may come out empty, and 24 were covered by 98.7 %.
    samples = _curves(single, second, kind, boot.within(second).astype(float))
    effect = single.mean(axis=0)
    total = float(np.abs(effect).sum() if kind == "absolute" else effect.sum())
    # Resampled halves hold fewer different word pairs and rank worse: their scatter counts, not their mean.
    return SummedShare(curve, curve + samples - samples.mean(axis=0), total)


def _curves(
    single: Float[np.ndarray, "prompt head"],
    second: Bool[np.ndarray, " prompt"],
    kind: Summed,
    weights: Float[np.ndarray, "resample prompt"],
) -> Float[np.ndarray, "resample n_plus_1"]:
    with np.errstate(divide="ignore", invalid="ignore"):
        effects = [
            weights[:, half] @ single[half] / weights[:, half].sum(axis=1, keepdims=True) for half in (~second, second)
        ]
        ways = [_summed(ranked_by, summed, kind) for ranked_by, summed in (effects, effects[::-1])]
    return np.asarray((ways[0] + ways[1]) / 2)


def _summed(
    ranked_by: Float[np.ndarray, "resample head"], summed: Float[np.ndarray, "resample head"], kind: Summed
) -> Float[np.ndarray, "resample n_plus_1"]:
    if kind == "absolute":
        ranked_by, summed = np.abs(ranked_by), np.abs(summed)
    order = np.argsort(-ranked_by, axis=1, kind="stable")
    cumulated = np.cumsum(np.take_along_axis(summed, order, axis=1), axis=1)
    total = cumulated[:, -1:]
    curve = np.where(total > 0, cumulated / total, np.nan)
    return np.concatenate([np.zeros((len(curve), 1)), curve], axis=1)
