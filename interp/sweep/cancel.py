"""`interp sweep cancel`: stop a sweep's processes and jobs; what is finished is kept."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from interp.sweep.executors.queue import scancel
from interp.sweep.jobs import cancel_rounds
from interp.sweep.status import store_at
from interp.words.phrases import plural


def cancel(place: Path, overrides: Sequence[str], console: Console) -> None:
    """Take jobs off the cluster, and interrupt the processes of this machine that hold a point."""
    store = store_at(place, overrides)
    # First the mark, so that no process begins another point.
    ids = cancel_rounds(store)
    states = store.states()
    running = [state.worker for state in states.values() if state.status == "running"]
    host = f"{socket.gethostname()}-"
    here = [int(worker.removeprefix(host)) for worker in running if worker.startswith(host)]
    if ids:
        scancel(ids)
    for process in here:
        try:
            os.kill(process, signal.SIGINT)
        except ProcessLookupError:
            continue
    away = len(running) - len(here)
    console.print(
        f"{store.path}: stopped {plural(len(here), 'process').replace('processs', 'processes')} of this machine and "
        f"{plural(len({job.split('_')[0] for job in ids}), 'job array')}; what is finished is kept"
        + (f"; {away} more run on other machines and end after their point" if away and not ids else ""),
        highlight=False,
    )
