"""Correctness before speed: a rival's cells must be ours, or there is nothing to compare.

Checked on two prompts before anything of that model, sweep and length is timed, and again on every cell that is timed.
"""

from __future__ import annotations

import random
import time

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.contestant import Contestant, Ours

TOLERANCE = 1e-4  # relative to the metric's scale
AT_LEAST = 24  # cells
INFORMATIVE = 0.05  # contestants must differ by less than this share of what the cells differ by


class DisagreementError(RuntimeError):
    """Two contestants give different numbers, so their times must not be compared."""


def compare(
    who: str, theirs: Float[Tensor, " cell"], ours: Float[Tensor, " cell"], scale: float, tolerance: float = TOLERANCE
) -> float:
    """Largest difference relative to the metric's scale; DisagreementError when it is too large or not a number."""
    difference = float((theirs.cpu() - ours).abs().max()) / scale
    if not difference <= tolerance:
        raise DisagreementError(
            f"{who} differs from our engine by {difference:.2g} of the metric (allowed: {tolerance:g})"
        )
    return difference


def check(rival: Contestant, seconds: float, seed: int = 0) -> tuple[int, float]:
    """Hold a rival's cells against ours: all that fit into `seconds`, chosen at random, and never fewer than AT_LEAST.

    Returns how many cells were compared and the largest difference.
    """
    ours = Ours(rival.model, rival.workload, rival.prompts)
    order = list(range(len(rival.workload)))
    random.Random(seed).shuffle(order)
    rival.start()
    begin, done, found = time.perf_counter(), 0, []
    while done < len(order) and (done < AT_LEAST or time.perf_counter() - begin < seconds):
        numbers = order[done : done + rival.cells_at_once]
        found.append(rival.run(numbers))
        done += len(numbers)
    ours.start()
    expected = ours.run(order[:done]).cpu()
    difference = compare(rival.name, torch.cat(found), expected, ours.scale)
    spread = float(expected.max() - expected.min()) / ours.scale
    if not difference < INFORMATIVE * spread:
        # Cells that do nothing agree with anything.
        where = f"{rival.workload.sweep} on {rival.model.name}"
        raise DisagreementError(f"{where}: the cells differ by only {spread:.2g} of the metric; agreement says nothing")
    return done, difference
