"""What a sweep of many points of a tiny model takes beside its runs, which are carried out to their tables.

    python -m benchmarks.sweep_overhead                    1,000 points
    python -m benchmarks.sweep_overhead --points 100

Every point is a whole circuit run (a forward pass, one probe, tables) of a random Llama of 3 layers x 4 heads, told apart by
its seed. One worker does all of them in this process, so that times can be taken: the run itself is what `kind.run` takes
once the point's config is there; everything else is the sweep's. Seconds of processor time, and of wall time, by step.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console

from interp.runs.kinds import RunKind
from interp.sweep.collect import collect_store
from interp.sweep.expand import expand
from interp.sweep.plan import checked
from interp.sweep.status import status
from interp.sweep.store import Store
from interp.sweep.worker import work
from tests.tiny_models import write_tiny_llama

QUIET = Console(quiet=True)
STEPS = ("expand and validate", "look into models and prompts", "write down", "worker", "status", "collect and report")


def main() -> None:
    """Print the times, by step and by point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, times in measured(Path(folder), given.points).items():
            cpu, wall = (1000 * one / given.points for one in times)
            print(f"{name:32} {cpu:8.2f} ms of processor time a point {wall:8.2f} ms of wall time")


def measured(folder: Path, points: int) -> dict[str, tuple[float, float]]:
    """Step -> (processor, wall) seconds of a whole sweep; `the runs themselves`, and `beside the runs`: all else together."""
    path = _yaml(folder, points)
    spent: dict[str, list[float]] = {}

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            yield
        finally:
            before = spent.setdefault(step, [0.0, 0.0])
            before[0] += time.process_time() - cpu
            before[1] += time.perf_counter() - wall

    plainly = RunKind.run

    def run(kind: RunKind, *given: Any) -> Path:
        with timed("the runs themselves"):
            return plainly(kind, *given)

    with timed(STEPS[0]):
        sweep = expand(path)
    with timed(STEPS[1]):
        checked(sweep, list(sweep.points), timed=False)
    with timed(STEPS[2]):
        store = Store.prepare(sweep)
    with patch.object(RunKind, "run", run), timed(STEPS[3]):
        work(store, store.entries, "first", QUIET)
    with timed(STEPS[4]):
        found = status(path, [], QUIET)
    if found["counts"] != {"finished": points}:
        raise SystemExit(f"not every point is finished: {found['counts']}")
    with timed(STEPS[5]):
        collect_store(store, QUIET)
    runs = spent["the runs themselves"]
    spent[STEPS[3]] = [all_ - own for all_, own in zip(spent[STEPS[3]], runs, strict=True)]
    spent["beside the runs"] = [sum(spent[step][place] for step in STEPS) for place in range(2)]
    return {name: (times[0], times[1]) for name, times in spent.items()}


def _yaml(folder: Path, points: int) -> Path:
    model = write_tiny_llama(folder / "model")
    settings = {
        "name": "overhead",
        "model": {"source": "directory", "path": str(model)},
        "prompts": {
            "keep": "all",
            "min_gap": 0.0001,
            "task": {"kind": "antonyms", "max_pairs": 12, "templates": ['The opposite of "{word}" is "']},
        },
        "statistics": {"n_resamples": 100},
        "probes": [{"kind": "head_ablation", "prompts": "focus"}],
        "output": {"root": str(folder / "runs")},
        "sweep": {"grid": {"seed": list(range(points))}},
    }
    path = folder / "overhead.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
