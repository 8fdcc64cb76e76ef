"""`interp sweep plan`: what a sweep would do, from its YAML, tokenizers and sizes alone; what is finished already."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from interp.configs.loading import LoadedConfig, validate_as
from interp.errors import Mistakes, UserError, mistakes_of
from interp.results.sealed import digest_of
from interp.runs.checked import Checked
from interp.runs.kinds import kind_of
from interp.shelf.entries import model_words
from interp.sweep.calibrate import Speed, calibrated
from interp.sweep.drive import hours
from interp.sweep.expand import Point, Sweep, expand, which
from interp.sweep.store import State, folder_of, states_of
from interp.words.phrases import plural


@dataclass(frozen=True)
class Cost:
    """What a point takes at most, `seconds` from cheap to dear; None where its kind of run, or a model that is not here, does not
    say."""

    passes: int | None
    memory_gb: float | None
    seconds: tuple[float, float] | None


def plan(path: Path, overrides: Sequence[str], console: Console) -> Mapping[str, object]:
    """Check every point, print what the sweep takes; the same as plain data. UserError names every point that cannot work."""
    sweep = expand(path, overrides)
    states = states_of(sweep)
    todo = [point for point in sweep.points if states[point.hash].status != "finished"]
    costs = checked(sweep, todo)
    rows = list(_by_group(sweep, costs, states))
    total = _sum(costs[point.hash] for point in todo)
    table = Table("model", "points", "finished", "forward passes", "time", "memory", box=None, pad_edge=False)
    for row in rows:
        memory = "?" if row["memory_gb"] is None else f"{row['memory_gb']:.2f} GB"
        passes = "?" if row["passes"] is None else f"{row['passes']:,}"
        table.add_row(row["model"], str(row["points"]), str(row["finished"]), passes, _span(row["seconds"]), memory)
    console.print(table)
    passes = "an unknown number of" if total.passes is None else f"at most {total.passes:,}"
    console.print(
        f"{folder_of(sweep)}: {plural(len(sweep.points), 'point')}, {len(sweep.points) - len(todo)} finished; the rest takes "
        f"{passes} forward passes of one prompt, {_span(total.seconds)} of one process (the engine timed on this machine; without "
        "loading and statistics; less where a model fails on prompts)",
        highlight=False,
    )
    return {
        "folder": str(folder_of(sweep)),
        "points": [
            {
                "point": point.name,
                "labels": point.labels,
                "hash": point.hash,
                "status": states[point.hash].status,
                **(vars(costs[point.hash]) if point.hash in costs else {}),
            }
            for point in sweep.points
        ],
        "rest": vars(total),
    }


def checked(sweep: Sweep, points: Sequence[Point], timed: bool = True) -> dict[str, Cost]:
    """Hash -> cost of points whose prompts and probes were held against their model; UserError names all that could not work.

    Points that differ by their seed alone are checked once. `timed`: how fast the engine is here is measured, too.
    """
    known: dict[str, Checked | UserError] = {}
    costs: dict[str, Cost] = {}
    speeds: dict[str, Speed | None] = {}
    wrong: dict[str, list[str]] = {}
    for point in points:
        kind = kind_of(point.given, point.name)
        run = validate_as(kind.schema, point.given, point.name)
        alike = digest_of(
            {key: value for key, value in run.resolved().items() if key not in ("name", "title", "question", "seed")}
        )
        if alike not in known:
            quiet = Console(file=io.StringIO())
            try:
                known[alike] = kind.check(LoadedConfig(run, sweep.path, "", ()), quiet)
            except UserError as error:
                known[alike] = error
        outcome = known[alike]
        if isinstance(outcome, UserError):
            for clause in mistakes_of(outcome):
                wrong.setdefault(clause, []).append(point.name)
            continue
        cost = cost_of(outcome, None)
        if timed and cost.passes is not None:
            if point.group not in speeds:
                speeds[point.group] = calibrated(run)
            cost = cost_of(outcome, speeds[point.group])
        costs[point.hash] = cost
    if wrong:
        raise Mistakes(str(sweep.path), [f"{which(names, len(points))}: {clause}" for clause, names in wrong.items()])
    return costs


def cost_of(validated: Checked, speed: Speed | None) -> Cost:
    """Of what `interp validate` finds; a comparison's is that of both models."""
    if "models" in validated:
        return _sum(cost_of(model, speed) for model in validated["models"].values())
    passes = validated.get("forward_passes_at_most")
    memory = validated["memory_gb"]["peak"] if "memory_gb" in validated else None
    seconds = None if passes is None or speed is None else speed.seconds(passes)
    return Cost(passes, memory, seconds)


def _sum(costs: Iterator[Cost]) -> Cost:
    every = list(costs)
    passes = [cost.passes for cost in every if cost.passes is not None]
    seconds = [cost.seconds for cost in every if cost.seconds is not None]
    both = (sum(low for low, _ in seconds), sum(high for _, high in seconds)) if len(seconds) == len(every) else None
    memory = [cost.memory_gb for cost in every if cost.memory_gb is not None]
    whole = len(passes) == len(every)
    return Cost(sum(passes) if whole else None, max(memory, default=None), both)


def _span(seconds: tuple[float, float] | None) -> str:
    """`2 min to 13 min`."""
    return "?" if seconds is None else f"{hours(seconds[0])} to {hours(seconds[1])}"


def _by_group(sweep: Sweep, costs: dict[str, Cost], states: dict[str, State]) -> Iterator[dict[str, Any]]:
    groups: dict[str, list[Point]] = {}
    for point in sweep.points:
        groups.setdefault(point.group, []).append(point)
    for points in groups.values():
        waiting = [point for point in points if states[point.hash].status != "finished"]
        yield {
            "model": model_words(points[0].given),
            "points": len(points),
            "finished": len(points) - len(waiting),
            **vars(_sum(costs[point.hash] for point in waiting)),
        }
