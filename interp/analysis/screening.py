"""Screening: find the largest effects among very many without measuring them all.

Every effect is estimated (a gradient, cheap and wrong by an unknown amount); then effects are measured exactly in the order
of their estimates, until nothing speaks against the top set:

1. The next estimate, raised by the largest shortfall of the last `BATCH` estimates (how much an exact effect was larger
   than its estimate), stays below the smallest effect of the top set, which is lowered by its own error (1.96 standard
   errors over clusters).
2. A random sample of `BATCH` unmeasured effects, then measured, has none above it either. If one is, it joins the measured
   ones and the search goes on.

With m sampled effects below the bound, fewer than 1 - (1 - confidence)^(1/m) of the unmeasured ones are above it, with that
confidence (binomial; 5 % for m = 59 at 95 %). That is no promise about the top set: 5 % of thousands of effects are many, and
where the estimate hides some, the top set is seldom all right (tests/analysis/test_screening.py: always without hidden
effects, in few of the simulations with 20 % of them). In the worst case everything is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from interp.analysis.agreement import agreement
from interp.analysis.bootstrap import Bootstrap
from interp.analysis.findings import Agreement, Screened, ScreenedEdge

BATCH = 59  # the smallest sample that, without a miss, bounds the misses at 5 % with 95 % confidence
CONFIDENCE = 0.95

Measure = Callable[[list[int]], Float[np.ndarray, "prompt effect"]]


@dataclass(frozen=True)
class Screening:
    """What was measured, and what speaks for the top set. Numbers count the effects; `bound` is in metric units."""

    top: tuple[int, ...]
    candidates: tuple[int, ...]
    audited: tuple[int, ...]
    n_effects: int
    bound: float
    shortfall: float
    missed_at_most: float
    agreement: Agreement

    def found(self, top: list[ScreenedEdge]) -> Screened:
        """What is told of it: the top set as `top`, the measured numbers as counts."""
        return Screened(
            n_top=len(self.top),
            n_candidates=len(self.candidates),
            n_audited=len(self.audited),
            n_effects=self.n_effects,
            bound=self.bound,
            shortfall=self.shortfall,
            missed_at_most=self.missed_at_most,
            confidence=CONFIDENCE,
            agreement=self.agreement,
            top=top,
        )


def screen(
    estimated: Float[np.ndarray, "prompt effect"],
    measure: Measure,
    top: int,
    clusters: Sequence[str],
    rng: np.random.Generator,
) -> Screening:
    """The `top` effects largest in absolute mean, as far as estimates and a sample can tell.

    Args:
        estimated: an estimate of every effect on every prompt, in metric units.
        measure: exact effects of the numbered ones, on the same prompts.
        top: size of the top set.
        clusters: the cluster of every prompt, for the error of the smallest effect of the top set.
        rng: draws the sample of unmeasured effects.
    """
    n_effects = estimated.shape[1]
    guess = np.abs(estimated.mean(axis=0))
    waiting = [int(number) for number in np.argsort(-guess, kind="stable")]
    boot = Bootstrap(clusters, 1, CONFIDENCE, rng)
    exact: dict[int, Float[np.ndarray, " prompt"]] = {}
    candidates: list[int] = []
    audited: list[int] = []

    def look(numbers: list[int], into: list[int]) -> None:
        exact.update(zip(numbers, measure(numbers).T, strict=True))
        into += numbers
        for number in numbers:
            waiting.remove(number)

    look(waiting[: max(BATCH, top)], candidates)
    while True:
        sizes = {number: float(abs(values.mean())) for number, values in exact.items()}
        best = sorted(sizes, key=lambda number: (-sizes[number], number))[:top]
        error = float(boot.sem(exact[best[-1]][:, None])[0])
        bound = max(0.0, sizes[best[-1]] - (0.0 if np.isnan(error) else 1.96 * error))
        shortfall = max(0.0, *(sizes[number] - guess[number] for number in candidates[-BATCH:]))
        if waiting and guess[waiting[0]] + shortfall > bound:
            look(waiting[:BATCH], candidates)
            continue
        sample = (
            [int(number) for number in rng.choice(waiting, min(BATCH, len(waiting)), replace=False)] if waiting else []
        )
        if sample:
            look(sample, audited)
        if not any(abs(exact[number].mean()) > bound for number in sample):
            break
        # What the estimate hid must be looked for further down.
        if waiting:
            look(waiting[:BATCH], candidates)
    measured = sorted(exact)
    return Screening(
        top=tuple(best),
        candidates=tuple(candidates),
        audited=tuple(audited),
        n_effects=n_effects,
        bound=bound,
        shortfall=float(shortfall),
        missed_at_most=1 - (1 - CONFIDENCE) ** (1 / len(sample)) if waiting else 0.0,
        agreement=agreement(
            np.array([exact[number].mean() for number in measured]), estimated.mean(axis=0)[measured], top
        ),
    )
