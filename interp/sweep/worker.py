"""One process of a sweep: it takes points that nobody holds, runs each as an ordinary run, and says what became of it.

A process of a round: `python -m interp.sweep.worker FOLDER --round R --start I --of K` goes through all unfinished points in
a circle, from the place that its number gives it, so that processes meet late and a slow one is helped by the others;
`--job N` does the points of job N of the round alone (interp.sweep.jobs).
"""

from __future__ import annotations

import argparse
import signal
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from interp.configs.loading import LoadedConfig, validate_as
from interp.errors import UserError, interruptions
from interp.models.kept import keeping
from interp.runs.kinds import kind_of
from interp.runs.lifecycle import tables_only
from interp.sweep.jobs import is_cancelled, points_of_job
from interp.sweep.store import Entry, Journal, Store, in_order
from interp.sweep.yaml_of import yaml_of

EARLY = 200.0
"""Seconds of a job's time that a point cannot have: the job has to start, and is warned before its end."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of a worker."""
    parser = argparse.ArgumentParser(prog="interp.sweep.worker")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--round", required=True, dest="round_")
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--of", type=int, default=1)
    parser.add_argument("--job", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=None)
    given = parser.parse_args(arguments)
    # Cancelled, or preempted by a cluster: what is finished of the point is kept, and the manifest says "interrupted".
    for signum in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs are born deaf to the first
        signal.signal(signum, signal.default_int_handler)
    store = Store(given.folder)
    entries = in_order(store.entries)
    if given.job is None:
        first = len(entries) * given.start // max(given.of, 1)
        entries = entries[first:] + entries[:first]
    else:
        wanted = set(points_of_job(store, given.round_, given.job))
        entries = [entry for entry in entries if entry.hash in wanted]
    try:
        with interruptions():
            work(store, entries, given.round_, minutes=given.minutes)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except UserError as error:
        print(f"error: {error}", flush=True)
        raise SystemExit(2) from None


def work(
    store: Store,
    entries: Sequence[Entry],
    round_: str,
    console: Console | None = None,
    minutes: float | None = None,
) -> None:
    """Do the points that nobody holds, one after another; UserError when none can be done, for the disk is full.

    `minutes`: after how long the cluster cuts a job off; None: nobody does.
    """
    console = console or Console(width=120)
    journal = Journal(store, "worker")
    waiting = [entry for entry in entries if store.tried(entry) != round_ and not store.is_finished(entry)]
    configs = store.configs(entry.hash for entry in waiting)
    with keeping():
        for entry in waiting:
            if is_cancelled(store, round_):
                return
            with store.claim(entry) as mine:
                # Another process may have done it since.
                if mine and store.tried(entry) != round_ and not store.is_finished(entry):
                    _do(store, entry, configs[entry.hash], round_, journal, console, minutes)


def _do(
    store: Store,
    entry: Entry,
    given: Mapping[str, object],
    round_: str,
    journal: Journal,
    console: Console,
    minutes: float | None,
) -> None:
    begun, started = time.time(), time.monotonic()

    def ended(event: str, **more: Any) -> None:
        journal.say(event, entry, seconds=round(time.monotonic() - started, 3), **more)

    def room() -> None:
        try:
            store.check_room()
        except UserError as error:
            ended("interrupted", why=str(error))
            raise

    room()
    journal.say("started", entry)
    console.rule(entry.name)
    try:
        with interruptions():
            run_point(store, entry, given, console)
    except KeyboardInterrupt:
        if (
            minutes is not None
            and _had_a_whole_job(time.monotonic() - started, minutes)
            and not store.kept_since(entry, begun)
        ):
            store.mark_tried(entry, round_)
            ended(
                "failed",
                why=f"no part of it was done in a whole job of {minutes:g} minutes; raise sweep.executor.minutes",
            )
        else:
            ended("interrupted")
        raise
    except UserError as error:
        room()  # a full disk is no fault of the point
        store.mark_tried(entry, round_)
        ended("refused", why=str(error))
        console.print(f"refused: {error}", markup=False, highlight=False)
    except Exception as error:
        room()
        store.mark_tried(entry, round_)
        ended("failed", why=f"{type(error).__name__}: {' '.join(str(error).split())}"[:500])
        console.print(traceback.format_exc(), markup=False, highlight=False)
    else:
        ended("finished")


def _had_a_whole_job(seconds: float, minutes: float) -> bool:
    """Whether a point had about all of a job's time to itself."""
    return seconds > max(60 * minutes - EARLY, 30 * minutes)


def run_point(store: Store, entry: Entry, given: Mapping[str, object], console: Console) -> None:
    """Run one point to its tables (and its report, where the sweep asks for reports)."""
    kind = kind_of(given, entry.name)
    path = store.point_folder(entry) / "config.yaml"
    config = LoadedConfig(validate_as(kind.schema, given, entry.name), path, yaml_of(given), ())
    if store.about["reports"]:
        kind.run(config, console)
        return
    with tables_only():
        kind.run(config, console)


if __name__ == "__main__":
    main()
