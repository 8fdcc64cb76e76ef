"""What an `attention_edges` probe runs and concludes (interp.probes.attention_edges says what it is for)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from interp.analysis.bootstrap import plain
from interp.analysis.circuits import DIRECTIONS, Direction, EdgeOrder, edge_grid, reranked, strongest_first
from interp.analysis.crossings import TARGETS, interpolated
from interp.analysis.findings import CurvePoint, MeanFound
from interp.analysis.findings_of_edges import (
    Directions,
    EdgeCount,
    EdgeFindings,
    EdgeFound,
    EdgeTotal,
    PlainCurve,
    Wordings,
    both_ways,
)
from interp.analysis.halves import second_half
from interp.analysis.held_out import HeldOut, held_out, share
from interp.analysis.seeding import generator
from interp.interventions.edits import Edit, Variant
from interp.measure.study import Selection, Study
from interp.probes.base import Reading, by_prompt, clusters_of, head_label
from interp.results.effects_file import stacked


@runtime_checkable
class EdgeSearch(Protocol):
    """The settings of a search, and the edges and prompts that it is over."""

    @property
    def label(self) -> str: ...
    @property
    def orders(self) -> tuple[EdgeOrder, ...]: ...
    @property
    def steps(self) -> int: ...
    @property
    def remove(self) -> float: ...
    @property
    def seeds(self) -> int: ...
    @property
    def explained(self) -> float: ...
    def variants(self, study: Study) -> Iterable[Variant]: ...
    def edges(self, study: Study) -> list[Edit]: ...
    def where(self, study: Study) -> list[Selection]: ...


@dataclass(frozen=True)
class Orders:
    """The order that each half of each seed gives: order -> seed -> half -> edges, best first."""

    by_half: dict[str, list[list[Int[np.ndarray, " edge"]]]]
    best: str


def run(probe: EdgeSearch, study: Study) -> pd.DataFrame:
    """Rank on each half, measure on the other; further seeds of the halves for the best order alone."""
    edges, where = probe.edges(study), probe.where(study)
    ranking = where[0]
    scores: dict[str, Float[np.ndarray, "row edge"]] = {}
    frames: list[pd.DataFrame] = []
    for kind in probe.orders:
        if kind == "exact":
            frames.append(study.measure(list(probe.variants(study)), [ranking]))
            scores[kind] = by_prompt(frames[-1], ["variant"], "effect").to_numpy()
        elif kind == "integrated":
            scores[kind] = study.edge_effects(ranking, edges, np.ones(len(edges), dtype=bool), probe.steps)
    base = study.measure([Variant((), part="all"), Variant(tuple(edges), part="none", n_kept=0)], where)
    frames.append(base)
    orders: dict[str, list[list[Int[np.ndarray, " edge"]]]] = {}

    def halved(kind: EdgeOrder, seed: int) -> pd.DataFrame:
        parts = _parts(probe, study, where, seed)
        found = [_order(probe, study, kind, scores.get(kind), half, edges) for half, _ in parts]
        orders.setdefault(kind, []).append(found)
        return stacked(
            [_curves(study, edges, order, rest, kind, seed) for order, (_, rest) in zip(found, parts, strict=True)]
        )

    first = {kind: halved(kind, 0) for kind in probe.orders}
    best = min(first, key=lambda kind: _needed(first[kind], base, probe.explained, len(edges)))
    frames += [*first.values(), *(halved(best, seed) for seed in range(1, probe.seeds))]
    study.notes[probe.label] = Orders(orders, best)
    return stacked(frames)


def n_rows(probe: EdgeSearch, study: Study) -> int:
    """Rows of the effects table: single effects where they are run, the curves, and both ends."""
    edges, where = len(probe.edges(study)), probe.where(study)
    measured = sum(len(one.rows) for one in _measured(where))
    curves = (len(probe.orders) + probe.seeds - 1) * 2 * len(edge_grid(edges)) * measured
    single = edges * len(where[0].rows) if "exact" in probe.orders else 0
    return single + curves + 2 * sum(len(one.rows) for one in where)


def passes(probe: EdgeSearch, study: Study) -> int:
    """Forward passes of one prompt; a backward pass is counted as two."""
    edges, ranked = len(probe.edges(study)), len(probe.where(study)[0].rows)
    steps = np.log(max(edges, 2)) / -np.log(1 - probe.remove)
    again = probe.seeds * int(np.ceil(steps)) * 3 * ranked if "reranked" in probe.orders else 0
    return n_rows(probe, study) + 3 * probe.steps * ranked + again


def summarise(probe: EdgeSearch, effects: pd.DataFrame, study: Study, reading: Reading) -> EdgeFindings:
    """Edges needed in both directions with intervals, curves of all orders, and the heads of the circuit."""
    edges, orders, where = probe.edges(study), study.notes[probe.label], probe.where(study)
    base = effects[effects["part"].isin(("all", "none"))]
    seeds = range(len(orders.by_half[orders.best]))
    kept = effects[effects["part"].isin(DIRECTIONS)]
    measured = base[base["prompt"].isin(kept["prompt"].unique())]
    boot = reading.bootstrap(clusters_of(measured), probe.label)
    curves = {
        direction: _held_out(effects, measured, orders.best, direction, seeds, len(edges), boot, reading)
        for direction in DIRECTIONS
    }
    everything, none = (
        by_prompt(measured[measured["part"] == part], ["part"]).to_numpy()[:, 0] for part in ("all", "none")
    )
    total = boot.mean(np.stack([everything, none, everything - none], axis=1))
    targets = sorted({*TARGETS, probe.explained, reading.share_target})
    named = [orders.by_half[orders.best][0][half] for half in (0, 1)]
    return EdgeFindings(
        kind="attention_edges",
        ablation="corrupted",
        order=orders.best,
        explained=probe.explained,
        n_candidates=len(edges),
        n_ranked=len(where[0].rows),
        n_prompts=int(measured["prompt"].nunique()),
        n_pairs=boot.n_clusters,
        seeds=len(seeds),
        wordings=Wordings(
            ranked=where[0].prompts.pairs[0].template,
            measured=[one.prompts.pairs[0].template for one in _measured(where)],
            held_out=len(where) > 1,
        ),
        total=EdgeTotal(all=MeanFound.of(total[0]), none=MeanFound.of(total[1]), effect=MeanFound.of(total[2])),
        needed=both_ways(lambda way: {f"{target:g}": _count(curves[way], target, named, edges) for target in targets}),
        curves=both_ways(lambda way: curves[way].points()),
        orders={kind: _both(effects, measured, kind, len(edges), targets) for kind in orders.by_half},
        resampled=both_ways(lambda way: _samples(curves[way], probe.explained)),
        first=[[_named(edges[i]) for i in order[:20].tolist()] for order in named],
    )


def _named(edge: Edit) -> EdgeFound:
    return EdgeFound(label=head_label(edge.layer, edge.head or 0), key=_place(edge.key), query=_place(edge.query))


def _place(position: int | str | None) -> int:
    assert isinstance(position, int)  # every edge of a search has its positions as numbers
    return position


def _measured(where: list[Selection]) -> list[Selection]:
    """Other wordings where there are any, or the one that ranks."""
    return where[1:] or where


def _parts(
    probe: EdgeSearch, study: Study, where: list[Selection], seed: int
) -> list[tuple[tuple[int, ...], list[Selection]]]:
    """For each half: rows of the ranking wording, and the prompts of the other half that the curve is measured on."""
    ranking = where[0]
    pairs = sorted({one.prompts.pairs[row].pair for one in where for row in one.rows})
    second = dict(zip(pairs, second_half(pairs, generator(study.seed, "circuit", probe.label, str(seed))), strict=True))

    def rows(one: Selection, half: int) -> tuple[int, ...]:
        return tuple(row for row in one.rows if second[one.prompts.pairs[row].pair] == bool(half))

    parts = []
    for half in (0, 1):
        rest = [replace(one, rows=rows(one, 1 - half)) for one in _measured(where)]
        parts.append((rows(ranking, half), [one for one in rest if one.rows]))
    return parts


def _order(
    probe: EdgeSearch,
    study: Study,
    kind: EdgeOrder,
    scores: Float[np.ndarray, "row edge"] | None,
    rows: tuple[int, ...],
    edges: list[Edit],
) -> Int[np.ndarray, " edge"]:
    ranking = probe.where(study)[0]
    if scores is not None:
        places = [ranking.rows.index(row) for row in rows]
        return strongest_first(scores[places].mean(axis=0))
    here = replace(ranking, rows=rows)
    return reranked(lambda kept: study.edge_effects(here, edges, kept).mean(axis=0), len(edges), probe.remove)


def _curves(
    study: Study, edges: list[Edit], order: Int[np.ndarray, " edge"], where: list[Selection], kind: str, seed: int
) -> pd.DataFrame:
    """Both directions at every number of edges; ends are known."""
    best = [edges[i] for i in order.tolist()]
    variants = []
    for n in edge_grid(len(edges))[1:-1]:
        variants.append(Variant(tuple(best[n:]), part="sufficient", group=f"{kind} {seed}", n_kept=n))
        variants.append(Variant(tuple(best[:n]), part="necessary", group=f"{kind} {seed}", n_kept=n))
    return study.measure(variants, where)


def _kept(
    rows: pd.DataFrame, base: pd.DataFrame, kind: str, direction: Direction, seed: int, n_edges: int
) -> tuple[Float[np.ndarray, "prompt point"], Float[np.ndarray, " prompt"], Float[np.ndarray, " prompt"]]:
    """The metric at every number of edges, with none and with all; replaced edges count from the other end."""
    mine = rows[(rows["part"] == direction) & (rows["group"] == f"{kind} {seed}")]
    wide = by_prompt(mine, ["n_kept"])
    base = base[base["prompt"].isin(wide.index)]
    everything, none = (by_prompt(base[base["part"] == part], ["part"]).to_numpy() for part in ("all", "none"))
    inner = wide[edge_grid(n_edges)[1:-1]].to_numpy()
    ends = (none, everything) if direction == "sufficient" else (everything, none)
    values = np.concatenate([ends[0], inner, ends[1]], axis=1)
    # What is lost, as a share, rises from 0 to 1 as what is kept does: m(none) + m(all) - m stands for it.
    if direction == "necessary":
        values = none + everything - values
    return values, none[:, 0], everything[:, 0]


def _needed(rows: pd.DataFrame, base: pd.DataFrame, target: float, n_edges: int) -> float:
    values, none, everything = _kept(rows, base, rows["group"].iloc[0].split()[0], "sufficient", 0, n_edges)
    found = interpolated(share(values, none, everything), edge_grid(n_edges), target)
    return float("inf") if found is None else found


def _held_out(
    effects: pd.DataFrame,
    base: pd.DataFrame,
    kind: str,
    direction: Direction,
    seeds: range,
    n_edges: int,
    boot: Any,
    reading: Reading,
) -> HeldOut:
    """The mean over the seeds of the halves; their scatter is what the choice of the halves and of the edges adds."""
    found = [_kept(effects, base, kind, direction, seed, n_edges) for seed in seeds]
    values = np.stack([one[0] for one in found])
    counts = edge_grid(n_edges)
    rng = generator(reading.seed, "circuit", direction)
    again = (counts[1:-1], values[:, :, 1:-1]) if len(values) > 1 else None
    return held_out(values.mean(axis=0), found[0][1], found[0][2], counts, boot, rng, again)


def _count(curve: HeldOut, target: float, orders: list[Int[np.ndarray, " edge"]], edges: list[Edit]) -> EdgeCount:
    """Edges on the interpolated curve with their interval, and the heads that so many edges belong to."""
    n = interpolated(curve.curve, curve.counts, target)
    samples = np.array(_samples(curve, target), dtype=float)
    tail = curve.boot.tail() if curve.boot.n_clusters > 1 else 0.5
    low, high = np.quantile(np.where(np.isnan(samples), np.inf, samples), [tail, 1 - tail], method="nearest")
    heads = None
    if n is not None:
        first = [order[: round(n)].tolist() for order in orders]
        heads = float(np.mean([len({(edges[i].layer, edges[i].head) for i in one}) for one in first]))
    return EdgeCount(
        edges=n,
        low=float(low) if np.isfinite(low) else None,
        high=float(high) if np.isfinite(high) else None,
        heads=heads,
    )


def _samples(curve: HeldOut, target: float) -> list[float | None]:
    return [interpolated(one, curve.counts, target) for one in curve.samples]


def _both(
    effects: pd.DataFrame, base: pd.DataFrame, kind: str, n_edges: int, targets: list[float]
) -> Directions[PlainCurve]:
    """One order's curves in both directions."""
    sufficient, necessary = (_plain(effects, base, kind, way, n_edges, targets) for way in DIRECTIONS)
    return Directions[PlainCurve](sufficient=sufficient, necessary=necessary)


def _plain(
    effects: pd.DataFrame, base: pd.DataFrame, kind: str, direction: Direction, n_edges: int, targets: list[float]
) -> PlainCurve:
    """One order's curve of the first seed, without a band."""
    curve = share(*_kept(effects, base, kind, direction, 0, n_edges))
    counts = edge_grid(n_edges)
    return PlainCurve(
        curve=[CurvePoint(n=n, share=plain(float(f))) for n, f in zip(counts, curve, strict=True)],
        needed={f"{target:g}": interpolated(curve, counts, target) for target in targets},
    )
