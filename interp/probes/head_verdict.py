"""What a key_query_heads probe concludes from what it measured, as plain data for metrics.json.

Headline numbers are held-out ones (interp.analysis.held_out); those on the prompts that chose the heads are one entry,
`in_sample`, beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from interp.analysis.bootstrap import Bootstrap, Estimate, interval_method, plain
from interp.analysis.controls import percentile_of
from interp.analysis.crossings import TARGETS, crossing, lasting
from interp.analysis.discovery import discover
from interp.analysis.held_out import HeldOut, held_out, share
from interp.analysis.orders import ORDERS, Order
from interp.analysis.seeding import generator
from interp.analysis.summed import Summed, SummedShare, summed_share
from interp.probes.base import Reading
from interp.probes.head_search import Aside, Measured, Plan

Place = dict[str, Any]


def verdict(found: Measured, plan: Plan, places: Sequence[Place], least: float, reading: Reading) -> dict[str, Any]:
    """Everything; `places` name the heads, `least` is the part of the total below which a head is not named."""
    boot = reading.bootstrap(found.clusters, plan.label)
    curve = joint(found, plan, boot, reading.seed)
    estimates = boot.mean(found.single)
    total = found.everything - found.none
    carried = found.single.mean(axis=0)
    matter = discover(carried, boot.sem(found.single), boot.n_clusters, least * abs(float(total.mean())))

    def described(head: int) -> dict[str, Any]:
        flags = {"discovered": bool(matter.discovered[head]), "named": bool(matter.named[head])}
        return {**places[head], "carried": estimates[head].as_dict(), **flags}

    ends = boot.mean(np.stack([found.everything, found.none, total], axis=1))
    shares = {"joint": _joint_share(curve, found, plan)}
    summed: dict[str, SummedShare] = {}
    by: tuple[tuple[Summed, Order], ...] = (("absolute", "size"), ("net", "value"))
    for kind, order in by:
        summed[kind] = summed_share(found.single, found.second, kind, boot)
        shares[kind] = _summed_share(summed[kind], found.full[order], plan.target, boot)
    return {
        "defined": _excludes_zero(ends[2]),
        "target": plan.target,
        "definition": reading.share_definition,
        "order": plan.order,
        "n_candidates": len(places),
        "interval_method": interval_method(boot.n_clusters),
        "halves": _halves(found, plan, {name: one["n"] for name, one in shares.items()}, places),
        "total": {
            **dict(zip(("all", "none", "effect"), (one.as_dict() for one in ends), strict=True)),
            "of_gap": _of_gap(found, boot),
            "sums": {name: plain(one.total) for name, one in summed.items()},
        },
        "shares": {
            name: {**share_of, "heads": [described(head) for head in share_of["heads"]]}
            for name, share_of in shares.items()
        },
        "resampled": {
            "joint": _plain_counts(curve.needed(plan.target)),
            **{name: _plain_counts(_needed(one, plan.target)) for name, one in summed.items()},
        },
        "crossings": _crossings(curve, plan.target),
        "curve": curve.points(),
        "orders": {kind: _order(found, kind, plan, places) for kind in ORDERS},
        "in_sample": _in_sample(found, curve, plan),
        "without": _without(found, plan, places),
        "ranking": [described(head) for head in found.full["size"]],
        "matter": matter.as_dict(carried),
        "beside": {source: _aside(one, found.clusters, plan, reading, source) for source, one in found.beside.items()},
        "controls": {
            "random": _random(found),
            "nonsense": None if found.nonsense is None else _nonsense(found.nonsense, found, plan, reading),
        },
        "shapley": _shapley(found, places),
    }


def joint(found: Measured, plan: Plan, boot: Bootstrap, seed: int) -> HeldOut:
    """The held-out curve of the order in use, with re-ranked resamples."""
    own = found.halved[plan.order]
    reranked = None if found.reranked is None else (found.window, found.reranked)
    rng = generator(seed, "held out", plan.label)
    return held_out(own.kept, found.none, found.everything, own.counts, boot, rng, reranked)


def _joint_share(curve: HeldOut, found: Measured, plan: Plan) -> dict[str, Any]:
    low, high = curve.count_interval(plan.target)
    if found.n is None:
        return {
            "n": None,
            "n_low": low,
            "n_high": high,
            "share": None,
            "share_low": None,
            "share_high": None,
            "heads": [],
        }
    heads = found.full[plan.order][: found.n]
    return {"n": found.n, "n_low": low, "n_high": high, **curve.at(found.n), "heads": heads}


def _summed_share(found: SummedShare, order: Sequence[int], target: float, boot: Bootstrap) -> dict[str, Any]:
    tail = boot.tail()
    low, high = np.quantile(_needed(found, target), [tail, 1 - tail], method="nearest")
    n = lasting(found.curve, target)
    ends = {"n_low": int(low) if np.isfinite(low) else None, "n_high": int(high) if np.isfinite(high) else None}
    if n is None:
        return {"n": None, **ends, "share": None, "share_low": None, "share_high": None, "heads": []}
    at = boot.interval(found.samples[:, n], found.curve[n])
    return {
        **{"n": n, **ends, "share": plain(float(found.curve[n]))},
        **dict(zip(("share_low", "share_high"), (plain(float(one)) for one in at), strict=True)),
        "heads": list(order[:n]),
    }


def _needed(found: SummedShare, target: float) -> Float[np.ndarray, " resample"]:
    """Heads needed in every resample; infinite where the target is not reached."""
    places = [lasting(one, target) for one in found.samples]
    return np.array([np.inf if place is None else float(place) for place in places])


def _plain_counts(counts: Float[np.ndarray, " resample"]) -> list[int | None]:
    """Counts in every resample for paired comparisons; None where the target is not reached."""
    return [int(one) if np.isfinite(one) else None for one in counts]


def _crossings(curve: HeldOut, target: float) -> list[dict[str, Any]]:
    rows = []
    for wanted in sorted({*TARGETS, target}):
        first, staying = (curve.count_interval(wanted, way) for way in (False, True))
        intervals = {"first_low": first[0], "first_high": first[1], "low": staying[0], "high": staying[1]}
        rows.append({**curve.crossing(wanted).as_dict(), **intervals})
    return rows


def _order(found: Measured, kind: Order, plan: Plan, places: Sequence[Place]) -> dict[str, Any]:
    """The held-out curve of one order, without a band, and the heads of its set."""
    own = found.halved[kind]
    curve = share(own.kept, found.none, found.everything)
    n = crossing(curve, own.counts, plan.target).staying
    return {
        "curve": [{"n": count, "share": plain(float(f))} for count, f in zip(own.counts, curve, strict=True)],
        "crossings": [crossing(curve, own.counts, wanted).as_dict() for wanted in sorted({*TARGETS, plan.target})],
        "n": n,
        "heads": [places[head]["label"] for head in found.full[kind][: n or 0]],
    }


def _in_sample(found: Measured, curve: HeldOut, plan: Plan) -> dict[str, Any]:
    """The same curve on the prompts that chose the heads, and how much it flatters at the headline's number of heads."""
    mine = share(found.in_sample, found.none, found.everything)
    counts = found.halved[plan.order].counts
    here = None if found.n is None else float(mine[counts.index(found.n)])
    return {
        "n": crossing(mine, counts, plan.target).staying,
        "share": None if here is None else plain(here),
        "optimism": None
        if here is None or found.n is None
        else plain(here - float(curve.curve[counts.index(found.n)])),
        "curve": [{"n": count, "share": plain(float(f))} for count, f in zip(counts, mine, strict=True)],
    }


def _halves(found: Measured, plan: Plan, needed: dict[str, int | None], places: Sequence[Place]) -> dict[str, Any]:
    """For every definition the heads that each half puts first, and the word pairs of the second half."""
    orders: dict[str, Order] = {"joint": plan.order, "absolute": "size", "net": "value"}
    heads = {
        name: [[places[head]["label"] for head in order[: n or 0]] for order in found.halved[orders[name]].by_half]
        for name, n in needed.items()
    }
    pairs = sorted({pair for pair, second in zip(found.clusters, found.second, strict=True) if second})
    return {"heads": heads, "second": pairs, "shared": len(set(heads["joint"][0]) & set(heads["joint"][1]))}


def _of_gap(found: Measured, boot: Bootstrap) -> dict[str, Any]:
    total, gap = found.everything - found.none, found.everything - found.corrupted
    return boot.ratio(total[:, None], gap)[0].as_dict()


def _without(found: Measured, plan: Plan, places: Sequence[Place]) -> list[dict[str, Any]]:
    """For every selected head: the share of the set, and of the set without it; on the controls' prompts."""
    if found.without is None or found.n is None:
        return []
    none, everything = found.none[found.thin], found.everything[found.thin]
    values = share(found.without.T, none, everything)
    heads = found.full[plan.order][: found.n]
    return [
        {"label": places[head]["label"], "share": plain(float(values[0])), "without": plain(float(rest))}
        for head, rest in zip(heads, values[1:], strict=True)
    ]


def _aside(one: Aside, clusters: Sequence[str], plan: Plan, reading: Reading, name: str) -> dict[str, Any]:
    boot = reading.bootstrap([clusters[row] for row in one.rows], plan.label, name)
    curve = share(one.halved.kept, one.none, one.everything)
    total = boot.mean((one.everything - one.none)[:, None])[0]
    return {
        "n_prompts": len(one.rows),
        "total": total.as_dict(),
        "crossings": [
            crossing(curve, one.halved.counts, wanted).as_dict() for wanted in sorted({*TARGETS, plan.target})
        ],
        "n": crossing(curve, one.halved.counts, plan.target).staying,
    }


def _random(found: Measured) -> dict[str, Any] | None:
    if not found.random or found.n is None or found.without is None:
        return None
    none, everything = found.none[found.thin], found.everything[found.thin]

    def shares(values: Float[np.ndarray, "set row"]) -> Float[np.ndarray, " set"]:
        return share(values.T, none, everything)

    same = shares(found.random[found.n])
    chosen = float(share(found.without[:1].T, none, everything)[0])
    bands = []
    for size, values in sorted(found.random.items()):
        low, middle, high = np.quantile(shares(values), [0.025, 0.5, 0.975])
        bands.append({"n": size, "sets": len(values), "low": float(low), "median": float(middle), "high": float(high)})
    return {
        "n": found.n,
        "sets": len(same),
        "chosen": plain(chosen),
        "percentile": percentile_of(chosen, same),
        "largest": plain(float(same.max())),
        "bands": bands,
    }


def _nonsense(one: Aside, found: Measured, plan: Plan, reading: Reading) -> dict[str, Any]:
    """The same search for arbitrary answers: its own total, and what it finds as a share of the real total."""
    aside = _aside(one, found.clusters, plan, reading, "nonsense")
    boot = reading.bootstrap([found.clusters[row] for row in one.rows], plan.label, "nonsense")
    total = (found.everything - found.none)[one.rows]
    points = boot.ratio(one.halved.kept - one.none[:, None], total)
    defined = _excludes_zero(boot.mean((one.everything - one.none)[:, None])[0])
    flattered = None
    if one.in_sample is not None:
        own = share(one.in_sample, one.none, one.everything)
        flattered = crossing(own, one.halved.counts, plan.target).staying
    return {
        **aside,
        "defined": defined,
        "n": aside["n"] if defined else None,
        "n_in_sample": flattered,
        "of_real": boot.ratio((one.everything - one.none)[:, None], total)[0].as_dict(),
        "curve": [
            {
                "n": n,
                **{name: point.as_dict()[key] for name, key in (("share", "mean"), ("low", "low"), ("high", "high"))},
            }
            for n, point in zip(one.halved.counts, points, strict=True)
        ],
    }


def _excludes_zero(total: Estimate) -> bool:
    """Whether there is an effect to share out: shares of nothing are noise divided by noise."""
    return not (np.isnan(total.low) or total.low <= 0 <= total.high)


def _shapley(found: Measured, places: Sequence[Place]) -> list[dict[str, Any]] | None:
    if found.shapley is None:
        return None
    rows = []
    for player, value, error in zip(*found.shapley, strict=True):
        heads = sorted(player)
        name = places[heads[0]]["label"] if len(heads) == 1 else f"the other {len(heads)}"
        rows.append({"label": name, "n_heads": len(heads), "value": plain(float(value)), "error": plain(float(error))})
    return rows
