"""What a key_query_heads probe concludes from what it measured (interp.analysis.findings_of_heads has the fields).

Headline numbers are held-out ones (interp.analysis.held_out); those on the prompts that chose the heads are one entry,
`in_sample`, beside them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from interp.analysis.bootstrap import Bootstrap, interval_method, plain
from interp.analysis.crossings import Curve, crossing, lasting
from interp.analysis.discovery import discover
from interp.analysis.findings import CurvePoint, EstimateFound, MeanFound
from interp.analysis.findings_of_heads import (
    ByDefinition,
    Controls,
    CountedCrossing,
    HalvesFound,
    HeadFindings,
    HeadFound,
    InSample,
    OrderFound,
    Resampled,
    ShareFound,
    Sums,
    TotalFound,
)
from interp.analysis.held_out import HeldOut, held_out, share
from interp.analysis.orders import ORDERS, Order
from interp.analysis.seeding import generator
from interp.analysis.summed import SummedShare, summed_share
from interp.interventions.edits import Source
from interp.probes.base import Reading
from interp.probes.head_controls import (
    Place,
    beside,
    crossings,
    excludes_zero,
    nonsense,
    random_sets,
    shapley_values,
    targets,
    without_each,
)
from interp.probes.head_search import Measured, Plan


def verdict(
    measured: Measured, plan: Plan, places: Sequence[Place], ablation: Source, least: float, reading: Reading
) -> HeadFindings:
    """Everything; `places` name the heads, `least` is the part of the total below which a head is not named."""
    boot = reading.bootstrap(measured.clusters, plan.label)
    curve = joint(measured, plan, boot, reading.seed)
    estimates = boot.mean(measured.single)
    total = measured.everything - measured.none
    carried = measured.single.mean(axis=0)
    matter = discover(carried, boot.sem(measured.single), boot.n_clusters, least * abs(float(total.mean())))
    heads = [
        HeadFound(
            label=place.label,
            layer=place.layer,
            head=place.head,
            carried=MeanFound.of(estimates[number]),
            discovered=bool(matter.discovered[number]),
            named=bool(matter.named[number]),
        )
        for number, place in enumerate(places)
    ]
    ends = boot.mean(np.stack([measured.everything, measured.none, total], axis=1))
    sums = {
        "absolute": summed_share(measured.single, measured.second, "absolute", boot),
        "net": summed_share(measured.single, measured.second, "net", boot),
    }
    shares = ByDefinition(
        joint=_joint_share(curve, measured, plan, heads),
        absolute=_summed_share(sums["absolute"], measured.full["size"], plan.target, boot, heads),
        net=_summed_share(sums["net"], measured.full["value"], plan.target, boot, heads),
    )
    return HeadFindings(
        kind="key_query_heads",
        ablation=ablation,
        screen=plan.screen,
        max_heads=plan.max_heads,
        defined=excludes_zero(ends[2]),
        target=plan.target,
        definition=reading.share_definition,
        order=plan.order,
        n_candidates=len(places),
        interval_method=interval_method(boot.n_clusters),
        halves=_halves(measured, plan, shares, places),
        total=TotalFound(
            all=MeanFound.of(ends[0]),
            none=MeanFound.of(ends[1]),
            effect=MeanFound.of(ends[2]),
            of_gap=_of_gap(measured, boot),
            sums=Sums(absolute=plain(sums["absolute"].total), net=plain(sums["net"].total)),
        ),
        shares=shares,
        resampled=Resampled(
            joint=_plain_counts(curve.needed(plan.target)),
            absolute=_plain_counts(_needed(sums["absolute"], plan.target)),
            net=_plain_counts(_needed(sums["net"], plan.target)),
        ),
        crossings=_crossings(curve, plan.target),
        curve=curve.points(),
        orders={kind: _order(measured, kind, plan, places) for kind in ORDERS},
        in_sample=_in_sample(measured, curve, plan),
        without=without_each(measured, plan, places),
        ranking=[heads[number] for number in measured.full["size"]],
        matter=matter.counts(carried),
        beside={
            source: beside(other, measured.clusters, plan, reading, source) for source, other in measured.beside.items()
        },
        controls=Controls(
            random=random_sets(measured),
            nonsense=None if measured.nonsense is None else nonsense(measured.nonsense, measured, plan, reading),
        ),
        shapley=shapley_values(measured, places),
    )


def joint(measured: Measured, plan: Plan, boot: Bootstrap, seed: int) -> HeldOut:
    """The held-out curve of the order in use, with re-ranked resamples."""
    own = measured.halved[plan.order]
    reranked = None if measured.reranked is None else (measured.window, measured.reranked)
    rng = generator(seed, "held out", plan.label)
    return held_out(own.kept, measured.none, measured.everything, own.counts, boot, rng, reranked)


def _joint_share(curve: HeldOut, measured: Measured, plan: Plan, heads: Sequence[HeadFound]) -> ShareFound:
    low, high = curve.count_interval(plan.target)
    if measured.n is None:
        return _never(low, high)
    chosen = [heads[number] for number in measured.full[plan.order][: measured.n]]
    return ShareFound(n=measured.n, n_low=low, n_high=high, **curve.at(measured.n), heads=chosen)


def _summed_share(
    summed: SummedShare, order: Sequence[int], target: float, boot: Bootstrap, heads: Sequence[HeadFound]
) -> ShareFound:
    tail = boot.tail()
    ends = np.quantile(_needed(summed, target), [tail, 1 - tail], method="nearest")
    n_low, n_high = (int(end) if np.isfinite(end) else None for end in ends)
    n = lasting(summed.curve, target)
    if n is None:
        return _never(n_low, n_high)
    low, high = boot.interval(summed.samples[:, n], summed.curve[n])
    return ShareFound(
        n=n,
        n_low=n_low,
        n_high=n_high,
        share=plain(float(summed.curve[n])),
        share_low=plain(float(low)),
        share_high=plain(float(high)),
        heads=[heads[number] for number in order[:n]],
    )


def _never(n_low: int | None, n_high: int | None) -> ShareFound:
    """No number of heads reaches the target; some resamples may."""
    return ShareFound(n=None, n_low=n_low, n_high=n_high, share=None, share_low=None, share_high=None, heads=[])


def _needed(summed: SummedShare, target: float) -> Float[np.ndarray, " resample"]:
    """Heads needed in every resample; infinite where the target is not reached."""
    places = [lasting(sample, target) for sample in summed.samples]
    return np.array([np.inf if place is None else float(place) for place in places])


def _plain_counts(counts: Float[np.ndarray, " resample"]) -> list[int | None]:
    """Counts in every resample for paired comparisons; None where the target is not reached."""
    return [int(count) if np.isfinite(count) else None for count in counts]


def _crossings(curve: HeldOut, target: float) -> list[CountedCrossing]:
    rows = []
    for wanted in targets(target):
        first, staying = (curve.count_interval(wanted, way) for way in (False, True))
        intervals = {"first_low": first[0], "first_high": first[1], "low": staying[0], "high": staying[1]}
        rows.append(CountedCrossing.model_validate({**curve.crossing(wanted).plain(), **intervals}))
    return rows


def _points(counts: Sequence[int], curve: Curve) -> list[CurvePoint]:
    """A curve without a band."""
    return [CurvePoint(n=n, share=plain(float(share))) for n, share in zip(counts, curve, strict=True)]


def _order(measured: Measured, kind: Order, plan: Plan, places: Sequence[Place]) -> OrderFound:
    """The held-out curve of one order, without a band, and the heads of its set."""
    own = measured.halved[kind]
    curve = share(own.kept, measured.none, measured.everything)
    n = crossing(curve, own.counts, plan.target).staying
    return OrderFound(
        curve=_points(own.counts, curve),
        crossings=crossings(curve, own.counts, plan.target),
        n=n,
        heads=[places[head].label for head in measured.full[kind][: n or 0]],
    )


def _in_sample(measured: Measured, curve: HeldOut, plan: Plan) -> InSample:
    """The same curve on the prompts that chose the heads, and how much it flatters at the headline's number of heads."""
    mine = share(measured.in_sample, measured.none, measured.everything)
    counts = measured.halved[plan.order].counts
    points, n = _points(counts, mine), crossing(mine, counts, plan.target).staying
    if measured.n is None:
        return InSample(n=n, share=None, optimism=None, curve=points)
    place = counts.index(measured.n)
    optimism = plain(float(mine[place]) - float(curve.curve[place]))
    return InSample(n=n, share=plain(float(mine[place])), optimism=optimism, curve=points)


def _halves(measured: Measured, plan: Plan, shares: ByDefinition, places: Sequence[Place]) -> HalvesFound:
    """For every definition the heads that each half puts first, and the word pairs of the second half."""
    by: tuple[tuple[str, Order, int | None], ...] = (
        ("joint", plan.order, shares.joint.n),
        ("absolute", "size", shares.absolute.n),
        ("net", "value", shares.net.n),
    )
    heads = {
        name: [[places[head].label for head in half[: n or 0]] for half in measured.halved[order].by_half]
        for name, order, n in by
    }
    pairs = sorted({pair for pair, second in zip(measured.clusters, measured.second, strict=True) if second})
    return HalvesFound(heads=heads, second=pairs, shared=len(set(heads["joint"][0]) & set(heads["joint"][1])))


def _of_gap(measured: Measured, boot: Bootstrap) -> EstimateFound:
    total, gap = measured.everything - measured.none, measured.everything - measured.corrupted
    return EstimateFound.of(boot.ratio(total[:, None], gap)[0])
