"""Processes on this machine: as many as it has room for, each with its share of the cores, or a GPU of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from interp.results import atomic
from interp.sweep.config import Local
from interp.sweep.jobs import is_cancelled, write_jobs
from interp.sweep.store import Entry, Journal, Store

MOST_DEATHS = 2
"""A point whose process dies this often in a round is not tried again in it."""
PATIENCE = 20.0


@dataclass
class _Process:
    number: int
    running: subprocess.Popen[bytes]
    log: IO[bytes]


class LocalRound:
    """Worker processes. One that is killed (for lack of memory, say) is begun anew; Ctrl-C reaches them all."""

    def __init__(self, store: Store, settings: Local, todo: list[Entry], round_: str) -> None:
        self._store, self._round = store, round_
        gpus = visible_gpus()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        usual = len(gpus) if len(gpus) > 1 else max(1, cores // 2)
        self._number = max(1, min(settings.jobs or usual, len(todo)))
        self._threads = settings.threads or max(1, cores // self._number)
        self._gpus = gpus
        self._journal = Journal(store, "driver")
        self._deaths: dict[str, int] = {}
        write_jobs(store, round_, [todo])
        self._processes = [self._begin(number) for number in range(self._number)]

    @property
    def words(self) -> str:
        """`2 processes of 4 threads`."""
        processes = "1 process" if self._number == 1 else f"{self._number} processes"
        return f"{processes} of {self._threads} thread{'' if self._threads == 1 else 's'}"

    def alive(self) -> bool:
        """Whether a process runs; one that was killed is begun again."""
        still = []
        for process in self._processes:
            code = process.running.poll()
            if code is None:
                still.append(process)
                continue
            process.log.close()
            if code not in (0, 2, 130) and self._mourn(process, code) and not is_cancelled(self._store, self._round):
                still.append(self._begin(process.number))
        self._processes = still
        return bool(still)

    def leave(self) -> None:
        """End the processes: first politely, so that they say what was interrupted."""
        for polite in (True, False):
            for process in self._processes:
                if process.running.poll() is None:
                    process.running.send_signal(signal.SIGTERM if polite else signal.SIGKILL)
            for process in self._processes:
                try:
                    process.running.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    continue
        for process in self._processes:
            process.log.close()
        self._processes = []

    def _begin(self, number: int) -> _Process:
        log = self._store.path / "logs" / f"{self._round}-{number}.log"
        with atomic.mendable(log.parent):
            log.parent.mkdir(exist_ok=True)
            file = log.open("ab")
        command = [sys.executable, "-m", "interp.sweep.worker", str(self._store.path), "--round", self._round]
        command += ["--start", str(number), "--of", str(self._number)]
        running = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=self._environment(number)
        )
        return _Process(number, running, file)

    def _environment(self, number: int) -> dict[str, str]:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(self._threads))
        # What this process could import, the others can, too, wherever they are started.
        path = os.pathsep.join(filter(None, [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]))
        environment = {
            **os.environ,
            **threads,
            "PYTHONPATH": path,
            "TOKENIZERS_PARALLELISM": "false",
            "PYTHONUNBUFFERED": "1",
        }
        if len(self._gpus) > 1:
            environment["CUDA_VISIBLE_DEVICES"] = self._gpus[number % len(self._gpus)]
        return environment

    def _mourn(self, process: _Process, code: int) -> bool:
        """Say which point a process died on; whether another process is worth beginning."""
        mine = f"-{process.running.pid}"
        states = self._store.states()
        died_on = [
            entry
            for entry in self._store.entries
            if states[entry.hash].status in ("interrupted", "running") and states[entry.hash].worker.endswith(mine)
        ]
        for entry in died_on:
            self._deaths[entry.hash] = self._deaths.get(entry.hash, 0) + 1
            how = f"by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"with exit code {code}"
            if self._deaths[entry.hash] >= MOST_DEATHS:
                self._store.mark_tried(entry, self._round)
                why = f"its process ended {how} {MOST_DEATHS} times, perhaps for lack of memory"
                self._journal.say("failed", entry, why=why)
            else:
                self._journal.say("interrupted", entry, why=f"its process ended {how}")
        # A process that died before it began a point would die again.
        return bool(died_on)


def visible_gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES calls the GPUs of this machine; none where there is no driver."""
    if not Path("/proc/driver/nvidia").exists():
        return []
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]
