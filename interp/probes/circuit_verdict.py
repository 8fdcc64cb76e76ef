"""What is concluded from a circuit search: curves in both directions with bands, and counts with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from interp.analysis.bootstrap import Bootstrap, plain
from interp.analysis.circuits import DIRECTIONS, Direction, edge_grid
from interp.analysis.crossings import TARGETS, interpolated
from interp.analysis.findings import CurvePoint, MeanFound
from interp.analysis.findings_of_edges import Directions, EdgeTotal, PlainCurve, Wordings, both_ways
from interp.analysis.held_out import HeldOut, held_out, share
from interp.analysis.seeding import generator
from interp.measure.study import Study
from interp.probes.base import Reading, by_prompt, clusters_of
from interp.probes.circuit_search import CircuitSearch, Orders, kept, measuring, n_ranked


@dataclass(frozen=True)
class Count:
    """Candidates needed for a target, on the interpolated curve, with the interval; the first ones of both halves' orders."""

    n: float | None
    low: float | None
    high: float | None
    chosen: tuple[tuple[int, ...], ...]


class Verdict:
    """The verdict of one search on its effects table."""

    def __init__(self, probe: CircuitSearch, effects: pd.DataFrame, study: Study, reading: Reading) -> None:
        self._effects, self._reading = effects, reading
        self._orders: Orders = study.notes[probe.label]
        self.n_candidates = len(probe.candidates(study))
        self.order, self.explained = self._orders.best, probe.explained
        self.seeds = len(self._orders.by_half[self.order])
        self.n_ranked = n_ranked(probe, study)
        ranked, measured = (
            list(dict.fromkeys(one.prompts.pairs[0].template for one in where))
            for where in (probe.ranking(study), measuring(probe, study))
        )
        self.wordings = Wordings(ranked="; ".join(ranked), measured=measured, held_out=not {*ranked} & {*measured})
        base = effects[effects["part"].isin(("all", "none"))]
        curves = effects[effects["part"].isin(DIRECTIONS)]
        self._base = base[base["prompt"].isin(curves["prompt"].unique())]
        self.n_prompts = int(self._base["prompt"].nunique())
        self.boot: Bootstrap = reading.bootstrap(clusters_of(self._base), probe.label)
        self._curves = {direction: self._held_out(direction) for direction in DIRECTIONS}
        self.targets = sorted({*TARGETS, probe.explained, reading.share_target})

    @property
    def first(self) -> list[Int[np.ndarray, " candidate"]]:
        """The best order of each half, of the first seed."""
        return [self._orders.by_half[self.order][0][half] for half in (0, 1)]

    def common(self) -> dict[str, Any]:
        """The fields of CircuitFindings but for the kind and what replaces a candidate."""
        return {
            "order": self.order,
            "explained": self.explained,
            "n_candidates": self.n_candidates,
            "n_ranked": self.n_ranked,
            "n_prompts": self.n_prompts,
            "n_pairs": self.boot.n_clusters,
            "seeds": self.seeds,
            "wordings": self.wordings,
            "total": self.total(),
            "curves": self.curves(),
            "orders": self.orders(),
            "resampled": both_ways(lambda way: self.samples(way, self.explained)),
        }

    def total(self) -> EdgeTotal:
        """The metric with all candidates, with none, and the difference."""
        everything, none = (
            by_prompt(self._base[self._base["part"] == part], ["part"]).to_numpy()[:, 0] for part in ("all", "none")
        )
        found = self.boot.mean(np.stack([everything, none, everything - none], axis=1))
        return EdgeTotal(all=MeanFound.of(found[0]), none=MeanFound.of(found[1]), effect=MeanFound.of(found[2]))

    def curves(self) -> Directions[list[CurvePoint]]:
        """The held-out curves with their bands."""
        sufficient, necessary = (self._curves[way].points() for way in DIRECTIONS)
        return Directions[list[CurvePoint]](sufficient=sufficient, necessary=necessary)

    def orders(self) -> dict[str, Directions[PlainCurve]]:
        """The curves of every order, of the first seed, without a band."""
        return {kind: self._both(kind) for kind in self._orders.by_half}

    def samples(self, direction: Direction, target: float) -> list[float | None]:
        """Candidates needed in every resample."""
        curve = self._curves[direction]
        return [interpolated(one, curve.counts, target) for one in curve.samples]

    def count(self, direction: Direction, target: float) -> Count:
        """Candidates needed, with their interval."""
        curve = self._curves[direction]
        n = interpolated(curve.curve, curve.counts, target)
        samples = np.array(self.samples(direction, target), dtype=float)
        tail = self.boot.tail() if self.boot.n_clusters > 1 else 0.5
        low, high = np.quantile(np.where(np.isnan(samples), np.inf, samples), [tail, 1 - tail], method="nearest")
        return Count(
            n=n,
            low=float(low) if np.isfinite(low) else None,
            high=float(high) if np.isfinite(high) else None,
            chosen=() if n is None else tuple(tuple(order[: round(n)].tolist()) for order in self.first),
        )

    def _held_out(self, direction: Direction) -> HeldOut:
        """The mean over the seeds of the halves; their scatter is what the choice of the halves and of the set adds."""
        n = self.n_candidates
        found = [kept(self._effects, self._base, self.order, direction, seed, n) for seed in range(self.seeds)]
        values = np.stack([one[0] for one in found])
        counts = edge_grid(n)
        rng = generator(self._reading.seed, "circuit", direction)
        again = (counts[1:-1], values[:, :, 1:-1]) if len(values) > 1 else None
        return held_out(values.mean(axis=0), found[0][1], found[0][2], counts, self.boot, rng, again)

    def _both(self, kind: str) -> Directions[PlainCurve]:
        sufficient, necessary = (self._plain(kind, way) for way in DIRECTIONS)
        return Directions[PlainCurve](sufficient=sufficient, necessary=necessary)

    def _plain(self, kind: str, direction: Direction) -> PlainCurve:
        curve = share(*kept(self._effects, self._base, kind, direction, 0, self.n_candidates))
        counts = edge_grid(self.n_candidates)
        return PlainCurve(
            curve=[CurvePoint(n=n, share=plain(float(f))) for n, f in zip(counts, curve, strict=True)],
            needed={f"{target:g}": interpolated(curve, counts, target) for target in self.targets},
        )
