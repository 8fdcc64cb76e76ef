"""What is concluded from a circuit search: curves in both directions with bands, counts with intervals, and the controls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from interp.analysis.bootstrap import Bootstrap, plain
from interp.analysis.circuits import DIRECTIONS, Direction, EdgeOrder, edge_grid
from interp.analysis.crossings import TARGETS, interpolated
from interp.analysis.findings import CurvePoint, EstimateFound, MeanFound
from interp.analysis.findings_of_edges import (
    CountFound,
    Directions,
    EdgeTotal,
    NonsenseCircuit,
    PlainCurve,
    RandomCircuits,
    Wordings,
    both_ways,
)
from interp.analysis.held_out import HeldOut, held_out, share
from interp.analysis.seeding import generator
from interp.measure.study import Study
from interp.probes.base import Reading, by_prompt, clusters_of
from interp.probes.circuit_controls import RANDOM, asks_nonsense
from interp.probes.circuit_question import CircuitSearch, Question, measuring, n_ranked
from interp.probes.circuit_search import Kept, Orders, ends_of, kept


@dataclass(frozen=True)
class Count:
    """Candidates needed for a target, on the interpolated curve, with the interval; the first ones of both halves' orders."""

    n: float | None
    low: float | None
    high: float | None
    chosen: tuple[tuple[int, ...], ...]


class Verdict:
    """The verdict of one search on its effects table: of its question, or of the same one about arbitrary answers."""

    def __init__(
        self, probe: CircuitSearch, effects: pd.DataFrame, study: Study, reading: Reading, nonsense: bool = False
    ) -> None:
        self._probe, self._effects, self._study, self._reading = probe, effects, study, reading
        orders = study.notes[probe.label]
        assert isinstance(orders, Orders)
        self._orders = orders
        self._question = Question(probe.ranking(study), measuring(probe, study), nonsense)
        self.n_candidates = len(probe.candidates(study))
        self.order, self.explained = self._orders.best, probe.explained
        self.seeds = 1 if nonsense else len(self._orders.by_half[self.order])
        self.n_ranked = n_ranked(probe, study)
        ranked, measured = (
            list(dict.fromkeys(selection.prompts.pairs[0].template for selection in where))
            for where in (self._question.ranking, self._question.measuring)
        )
        self.wordings = Wordings(ranked="; ".join(ranked), measured=measured, held_out=not {*ranked} & {*measured})
        group = effects["group"].fillna("")
        mine = effects["part"].isin(DIRECTIONS) & (group == self._question.group(self.order, 0))
        prompts = effects.loc[mine, "prompt"].unique()
        ends = effects[effects["part"].isin(("all", "none")) & (group == self._question.ends())]
        self._base = ends[ends["prompt"].isin(prompts)]
        self.n_prompts = len(prompts)
        label = f"{probe.label} nonsense" if nonsense else probe.label
        self.boot: Bootstrap = reading.bootstrap(clusters_of(self._base), label)
        self.targets = sorted({*TARGETS, probe.explained, reading.share_target})

    @cached_property
    def _curves(self) -> dict[Direction, HeldOut]:
        return {direction: self._held_out(direction) for direction in DIRECTIONS}

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
            "random": self.random(),
            "nonsense": self.nonsense(),
        }

    def random(self) -> Directions[RandomCircuits | None] | None:
        """The found set beside random ones of its size, on one prompt of every word pair."""
        rows = self._effects[self._effects["group"].fillna("").str.startswith(f"{RANDOM} ")]

        def of(way: Direction) -> RandomCircuits | None:
            size = self._orders.sizes.get(way)
            if size is None:
                return None
            values = by_prompt(rows[rows["part"] == way], ["group"])
            none, everything = ends_of(self._base, values.index)
            kept_or_lost = (
                values.to_numpy() if way == "sufficient" else (none + everything)[:, None] - values.to_numpy()
            )
            shares = share(kept_or_lost, none, everything)
            curve = self._curves[way]
            return RandomCircuits(
                n=size,
                sets=len(shares),
                chosen=plain(float(curve.curve[curve.counts.index(size)])),
                median=plain(float(np.median(shares))),
                high=plain(float(np.quantile(shares, 0.95, method="higher"))),
            )

        if not self._orders.sizes:
            return None
        return Directions[RandomCircuits | None](sufficient=of("sufficient"), necessary=of("necessary"))

    def nonsense(self) -> NonsenseCircuit | None:
        """What the same search finds for arbitrary answers; its curves are shares of the effect on the real ones."""
        if not asks_nonsense(self._probe, self._study):
            return None
        asked = Verdict(self._probe, self._effects, self._study, self._reading, nonsense=True)
        _, none, everything = self._kept(self.order, 0, "sufficient")
        real, total = everything - none, asked.total().effect

        def curve(way: Direction) -> list[CurvePoint]:
            values, nothing, _ = asked._kept(self.order, 0, way)
            moved = asked.boot.ratio(values - nothing[:, None], real)
            points = zip(edge_grid(self.n_candidates), map(EstimateFound.of, moved), strict=True)
            return [
                CurvePoint(n=n, share=estimate.mean, low=estimate.low, high=estimate.high) for n, estimate in points
            ]

        def needed(way: Direction) -> CountFound:
            count = asked.count(way, self.explained)
            return CountFound(n=count.n, low=count.low, high=count.high)

        curves = both_ways(curve)
        # Shares of nothing would be noise divided by noise.
        defined = total.low is not None and total.high is not None and not total.low <= 0 <= total.high
        whole = curves.sufficient[-1]
        return NonsenseCircuit(
            total=total, of_real=whole, defined=defined, needed=both_ways(needed) if defined else None, curves=curves
        )

    def total(self) -> EdgeTotal:
        """The metric with all candidates, with none, and the difference."""
        everything, none = (
            by_prompt(self._base[self._base["part"] == part], ["part"]).to_numpy()[:, 0] for part in ("all", "none")
        )
        means = self.boot.mean(np.stack([everything, none, everything - none], axis=1))
        return EdgeTotal(all=MeanFound.of(means[0]), none=MeanFound.of(means[1]), effect=MeanFound.of(means[2]))

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
        return [interpolated(sample, curve.counts, target) for sample in curve.samples]

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
        curves = [self._kept(self.order, seed, direction) for seed in range(self.seeds)]
        values = np.stack([curve[0] for curve in curves])
        counts = edge_grid(self.n_candidates)
        rng = generator(self._reading.seed, "circuit", direction)
        again = (counts[1:-1], values[:, :, 1:-1]) if len(values) > 1 else None
        return held_out(values.mean(axis=0), curves[0][1], curves[0][2], counts, self.boot, rng, again)

    def _kept(self, kind: EdgeOrder, seed: int, direction: Direction) -> Kept:
        return kept(self._effects, self._base, self._question.group(kind, seed), direction, self.n_candidates)

    def _both(self, kind: EdgeOrder) -> Directions[PlainCurve]:
        sufficient, necessary = (self._plain(kind, way) for way in DIRECTIONS)
        return Directions[PlainCurve](sufficient=sufficient, necessary=necessary)

    def _plain(self, kind: EdgeOrder, direction: Direction) -> PlainCurve:
        curve = share(*self._kept(kind, 0, direction))
        counts = edge_grid(self.n_candidates)
        return PlainCurve(
            curve=[CurvePoint(n=n, share=plain(float(f))) for n, f in zip(counts, curve, strict=True)],
            needed={f"{target:g}": interpolated(curve, counts, target) for target in self.targets},
        )
