"""What a found set of heads is held against: other replacements, random sets, other answers, and each of its heads alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from interp.analysis.bootstrap import Estimate, plain
from interp.analysis.controls import percentile_of
from interp.analysis.crossings import TARGETS, Curve, crossing
from interp.analysis.findings import Crossing, CurvePoint, EstimateFound, MeanFound
from interp.analysis.findings_of_heads import Band, Beside, Nonsense, RandomSets, ShapleyValue, Without
from interp.analysis.held_out import share
from interp.probes.base import Reading
from interp.probes.head_search import Aside, Measured, Plan


class Place(NamedTuple):
    """A head and its name."""

    layer: int
    head: int
    label: str


def without_each(measured: Measured, plan: Plan, places: Sequence[Place]) -> list[Without]:
    """For every selected head: the share of the set, and of the set without it; on the controls' prompts."""
    if measured.without is None or measured.n is None:
        return []
    none, everything = measured.none[measured.thin], measured.everything[measured.thin]
    values = share(measured.without.T, none, everything)
    heads = measured.full[plan.order][: measured.n]
    return [
        Without(label=places[head].label, share=plain(float(values[0])), without=plain(float(rest)))
        for head, rest in zip(heads, values[1:], strict=True)
    ]


def beside(aside: Aside, clusters: Sequence[str], plan: Plan, reading: Reading, name: str) -> Beside:
    """The same search under another replacement, or for other answers (`name`)."""
    boot = reading.bootstrap([clusters[row] for row in aside.rows], plan.label, name)
    curve, counts = share(aside.halved.kept, aside.none, aside.everything), aside.halved.counts
    return Beside(
        n_prompts=len(aside.rows),
        total=MeanFound.of(boot.mean((aside.everything - aside.none)[:, None])[0]),
        crossings=crossings(curve, counts, plan.target),
        n=crossing(curve, counts, plan.target).staying,
    )


def random_sets(measured: Measured) -> RandomSets | None:
    """Random sets beside the found one, on the same prompts; None where none were run."""
    if not measured.random or measured.n is None or measured.without is None:
        return None
    none, everything = measured.none[measured.thin], measured.everything[measured.thin]

    def shares(values: Float[np.ndarray, "set row"]) -> Float[np.ndarray, " set"]:
        return share(values.T, none, everything)

    same = shares(measured.random[measured.n])
    chosen = float(share(measured.without[:1].T, none, everything)[0])
    bands = []
    for size, values in sorted(measured.random.items()):
        low, middle, high = np.quantile(shares(values), [0.025, 0.5, 0.975])
        bands.append(Band(n=size, sets=len(values), low=float(low), median=float(middle), high=float(high)))
    return RandomSets(
        n=measured.n,
        sets=len(same),
        chosen=plain(chosen),
        percentile=percentile_of(chosen, same),
        largest=plain(float(same.max())),
        bands=bands,
    )


def nonsense(aside: Aside, measured: Measured, plan: Plan, reading: Reading) -> Nonsense:
    """The same search for arbitrary answers: its own total, and what it finds as a share of the real total."""
    own_search = beside(aside, measured.clusters, plan, reading, "nonsense")
    boot = reading.bootstrap([measured.clusters[row] for row in aside.rows], plan.label, "nonsense")
    own, total = aside.everything - aside.none, (measured.everything - measured.none)[aside.rows]
    points = [EstimateFound.of(point) for point in boot.ratio(aside.halved.kept - aside.none[:, None], total)]
    defined = excludes_zero(boot.mean(own[:, None])[0])
    flattered = None
    if aside.in_sample is not None:
        in_sample = share(aside.in_sample, aside.none, aside.everything)
        flattered = crossing(in_sample, aside.halved.counts, plan.target).staying
    return Nonsense(
        n_prompts=own_search.n_prompts,
        total=own_search.total,
        crossings=own_search.crossings,
        defined=defined,
        n=own_search.n if defined else None,
        n_in_sample=flattered,
        of_real=EstimateFound.of(boot.ratio(own[:, None], total)[0]),
        curve=[
            CurvePoint(n=n, share=point.mean, low=point.low, high=point.high)
            for n, point in zip(aside.halved.counts, points, strict=True)
        ],
    )


def shapley_values(measured: Measured, places: Sequence[Place]) -> list[ShapleyValue] | None:
    """What each head adds, averaged over orders; None where it was not asked for."""
    if measured.shapley is None:
        return None
    rows = []
    for player, value, error in zip(*measured.shapley, strict=True):
        heads = sorted(player)
        name = places[heads[0]].label if len(heads) == 1 else f"the other {len(heads)}"
        rows.append(ShapleyValue(label=name, n_heads=len(heads), value=plain(float(value)), error=plain(float(error))))
    return rows


def crossings(curve: Curve, counts: Sequence[int], target: float) -> list[Crossing]:
    """Where a curve reaches the usual targets and the run's own."""
    return [crossing(curve, counts, wanted) for wanted in targets(target)]


def targets(target: float) -> list[float]:
    """The usual targets and the run's own."""
    return sorted({*TARGETS, target})


def excludes_zero(total: Estimate) -> bool:
    """Whether there is an effect to share out: shares of nothing are noise divided by noise."""
    return not (np.isnan(total.low) or total.low <= 0 <= total.high)
