"""Alternated rounds (ours, rival, rival, ours, ...), with sweeps that take too long extrapolated from some of their cells.

A rival's loop is linear in the number of cells, so the time of all is that of starting plus the measured cells' times
all / measured. Each round takes other cells, in a seeded random order. Our engine is not linear in cells: where its
sweep would take too long, it runs a random part of the cells and the time after its base runs is scaled by the arithmetic
(floor.py) of all cells over that of the part, which overstates it if anything: larger sweeps fill batches better.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

import torch

from benchmarks.agreement import compare
from benchmarks.contestant import Contestant, Ours
from benchmarks.floor import Shape, cells_flops, floor_flops
from benchmarks.gemm import finished, matrix_rate


@dataclass(frozen=True)
class Budget:
    """How long things may take, in seconds a round."""

    rounds: int = 3
    ours_s: float = 6.0
    rival_s: float = 1.2


@dataclass
class Timing:
    """Seconds for the whole sweep, one entry a round; `cells` were run over all rounds, of `all_cells` in a sweep."""

    who: str
    all_cells: int
    seconds: list[float] = field(default_factory=list)
    cells: int = 0

    @property
    def median_s(self) -> float:
        """Median over rounds."""
        return median(self.seconds)

    @property
    def extrapolated(self) -> bool:
        """Whether no round ran the whole sweep."""
        return self.cells < self.all_cells * len(self.seconds)


@dataclass(frozen=True)
class Race:
    """Timings of all contestants on one workload, and the floor of the sweep."""

    ours: Timing
    rivals: list[Timing]
    flops: int
    rate: float

    @property
    def floor_s(self) -> float:
        """Seconds that the arithmetic takes at the machine's rate."""
        return self.flops / self.rate

    @property
    def floor_frac(self) -> float:
        """Share of our time that is this arithmetic."""
        return self.floor_s / self.ours.median_s


def ratio(rival: Timing, ours: Timing) -> tuple[float, float, float]:
    """How many times as long the rival takes: ratio of medians, and the smallest and largest ratio of a round."""
    by_round = [theirs / mine for theirs, mine in zip(rival.seconds, ours.seconds, strict=True)]
    return rival.median_s / ours.median_s, min(by_round), max(by_round)


def extrapolate(start_s: float, loop_s: float, measured: float, total: float) -> float:
    """Time of a whole sweep whose loop ran `measured` of `total` units of work."""
    return start_s + loop_s * total / measured


def race(
    ours: Ours, rivals: Sequence[Contestant], budget: Budget, progress: Callable[[], None] = lambda: None, seed: int = 0
) -> Race:
    """Alternated rounds; every timed cell is compared with ours as well."""
    shape, device = Shape.of(ours.model.hooked.cfg), ours.model.device
    flops, rates = floor_flops(ours.workload, ours.prompts, shape), [matrix_rate(shape, device=device)]
    all_cells = cells_flops(ours.workload, ours.prompts, shape)
    share = min(1.0, budget.ours_s * rates[0] / all_cells)
    order = list(range(len(ours.workload)))
    random.Random(seed).shuffle(order)
    part = sorted(order[: max(1, int(share * len(order)))])
    # Cells that change nothing cost nothing in the count, so a part may have none.
    part_cells = cells_flops(ours.workload.part(part), ours.prompts, shape) or all_cells
    timings = [Timing(one.name, len(order)) for one in (ours, *rivals)]
    cursors = {one.name: 0 for one in rivals}
    for turn in range(budget.rounds):
        if turn:
            rates.append(matrix_rate(shape, device=device))
        begin = time.perf_counter()
        ours.start()
        finished(device)
        started = time.perf_counter()
        values = ours.run(part).cpu()
        seconds = time.perf_counter() - started
        timings[0].seconds.append(extrapolate(started - begin, seconds, part_cells, all_cells))
        timings[0].cells += len(part)
        known = dict(zip(part, values.tolist(), strict=True))
        progress()
        for one, timing in zip(rivals, timings[1:], strict=True):
            done = _some_cells(one, timing, order, cursors[one.name], budget.rival_s)
            cursors[one.name] = (cursors[one.name] + len(done)) % len(order)
            both = [number for number in done if number in known]
            if both:
                expected = torch.tensor([known[number] for number in both])
                compare(one.name, torch.stack([done[number] for number in both]), expected, ours.scale)
            progress()
    return Race(timings[0], timings[1:], flops, median(rates))


def _some_cells(
    one: Contestant, timing: Timing, order: Sequence[int], at: int, seconds: float
) -> dict[int, torch.Tensor]:
    """Start a rival and run it for about `seconds`, on from the `at`-th cell of the order; at most all cells."""
    ring = [*order[at:], *order[:at]]
    begin = time.perf_counter()
    one.start()
    finished(one.model.device)
    started = time.perf_counter()
    done: dict[int, torch.Tensor] = {}
    while len(done) < len(ring) and (not done or time.perf_counter() - started < seconds):
        numbers = ring[len(done) : len(done) + one.cells_at_once]
        done.update(zip(numbers, one.run(numbers).cpu(), strict=True))
    timing.seconds.append(extrapolate(started - begin, time.perf_counter() - started, len(done), len(ring)))
    timing.cells += len(done)
    return done
