"""`interp sweep run`: all points are validated, then what is not finished is carried out, then collected."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from interp.errors import UserError, interruptions
from interp.sweep.config import AnyExecutor, Local, Slurm
from interp.sweep.drive import EVERY, status_table, watch
from interp.sweep.executors.base import Round
from interp.sweep.expand import Sweep, expand
from interp.sweep.jobs import is_cancelled
from interp.sweep.plan import checked
from interp.sweep.store import Entry, Store, states_of, unfinished
from interp.words.phrases import plural

ROUNDS = 3
"""How often what is left is begun again within one call, on this machine."""
LEFT = ("waiting", "interrupted")


def run(
    path: Path,
    overrides: Sequence[str],
    console: Console,
    executor: str | None = None,
    jobs: int | None = None,
    export: Path | None = None,
    wait: bool = True,
) -> bool:
    """Carry out a sweep; whether all of its points are finished, as far as anybody waited for them.

    Raises UserError before anything runs when a point is invalid, the folder is another sweep's, or the disk is full.
    """
    sweep = expand(path, overrides)
    settings = _executor(sweep, executor, jobs)
    # What can be seen wrong without a model, is, before anything runs.
    told = states_of(sweep)
    checked(sweep, [point for point in sweep.points if told[point.hash].status != "finished"], timed=False)
    store = Store.prepare(sweep)
    store.check_room()
    todo = unfinished(store, store.states())
    console.print(
        f"{store.path}: {plural(len(store.entries), 'point')}, {len(store.entries) - len(todo)} finished before",
        highlight=False,
    )
    round_ = _round()
    if export is not None:
        from interp.sweep.executors.export import export as written

        written(store, settings, todo, round_, export, console)
        return True
    for _ in range(ROUNDS):
        if not todo:
            break
        begun = begin(store, settings, todo, round_)
        if not wait:
            console.print(f"{begun.words}; look at it with: interp sweep status {store.path}", highlight=False)
            return True
        _wait(store, begun, console)
        _wait_for_others(store)
        if isinstance(settings, Slurm) or is_cancelled(store, round_):
            break
        # What a worker of an earlier run held, and dropped, or what a look at it held for a moment, nobody has done.
        states = store.states()
        todo = [entry for entry in unfinished(store, states) if states[entry.hash].status in LEFT]
        round_ = _round()
    return _told(store, console)


def _round() -> str:
    return time.strftime("%Y%m%d-%H%M%S") + f"-{time.time_ns() % 10**9:09d}"


def _wait_for_others(store: Store) -> None:
    """Until no process holds a point: workers whose own `interp sweep run` was killed go on with what they have."""
    while any(state.status == "running" for state in store.states().values()):
        time.sleep(EVERY)


def begin(store: Store, settings: AnyExecutor, todo: list[Entry], round_: str) -> Round:
    """A round of an executor on the points that are to be done."""
    if isinstance(settings, Slurm):
        from interp.sweep.executors.slurm import SlurmRound

        return SlurmRound.submit(store, settings, todo, round_)
    from interp.sweep.executors.local import LocalRound

    return LocalRound(store, settings, todo, round_)


def _wait(store: Store, begun: Round, console: Console) -> None:
    try:
        with interruptions():
            watch(store, begun, console)
    except KeyboardInterrupt:
        begun.leave()
        raise


def _told(store: Store, console: Console) -> bool:
    from interp.sweep.collect import collect_store

    now = status_table(store, store.states(), console)
    if now.counts.get("finished"):
        collect_store(store, console)
    return now.counts.get("finished", 0) == now.total


def _executor(sweep: Sweep, kind: str | None, jobs: int | None) -> AnyExecutor:
    settings: AnyExecutor = sweep.config.executor
    if kind is not None and kind != settings.kind:
        kinds: dict[str, type[Local] | type[Slurm]] = {"local": Local, "slurm": Slurm}
        if kind not in kinds:
            raise UserError(f"--executor: there is no {kind!r}; valid: local, slurm")
        settings = kinds[kind]()
    if jobs is not None:
        if not isinstance(settings, Local):
            raise UserError("--jobs is the number of local processes; for Slurm set sweep.executor.at_once")
        if not 1 <= jobs <= 1024:
            raise UserError(f"--jobs must be 1 to 1024, not {jobs}")
        settings = settings.model_copy(update={"jobs": jobs})
    return settings
