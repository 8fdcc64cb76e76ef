"""Jobs of a Slurm cluster, by submitit: arrays, a job for some points of one model.

A job that the cluster cuts off (its time is over, or somebody else comes first) is queued again with the same points: those
that are finished are passed over, and of the one that was cut off the finished probes are kept. A point that got nowhere in
the whole time of a job is given up (interp.sweep.worker), so that this comes to an end.
"""

from __future__ import annotations

import shutil
import signal
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from interp.errors import UserError
from interp.sweep.config import Slurm
from interp.sweep.executors.queue import Queue, most_in_an_array, scancel
from interp.sweep.jobs import cut_into_jobs, points_of_job, write_ids, write_jobs
from interp.sweep.store import ENDED, Entry, Journal, Store
from interp.words.phrases import plural

NO_LIMIT = 10**6
"""How often submitit queues a job again whose time is over; who is given up is decided by what got done."""


class Task:
    """What a job does. submitit pickles it, and asks it by `checkpoint` what to queue again."""

    def __init__(self, folder: Path, round_: str, number: int, minutes: float) -> None:
        self.folder, self.round_, self.number, self.minutes = folder, round_, number, minutes

    def __call__(self) -> str:
        """Do the points of the job; how it ended, in a sentence where it could not go on."""
        from interp.sweep.worker import work

        _interruptible()
        store = Store(self.folder)
        wanted = set(points_of_job(store, self.round_, self.number))
        try:
            work(store, [entry for entry in store.entries if entry.hash in wanted], self.round_, minutes=self.minutes)
        except UserError as error:
            return str(error)
        return "done"

    def checkpoint(self) -> Any:
        """The same points again."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


def _interruptible() -> None:
    """Let every signal that ends this process raise KeyboardInterrupt, which all of a run knows as an interruption.

    submitit's handler queues the job again and then raises SystemExit, wherever the program happens to be.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        if callable(handler := signal.getsignal(number)):
            signal.signal(number, _as_interrupt(handler))


def _as_interrupt(handler: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        try:
            handler(number, frame)
        except SystemExit:
            raise KeyboardInterrupt from None

    return handle


class SlurmRound:
    """The jobs of one round; `cut` are the points of each."""

    def __init__(self, store: Store, jobs: list[Any], cut: list[list[Entry]], cluster: str) -> None:
        self._store, self._cluster = store, cluster
        self._going = {str(job.job_id): (job, points) for job, points in zip(jobs, cut, strict=True)}
        self._count = len(jobs)
        self._arrays = list(dict.fromkeys(job_id.split("_")[0] for job_id in self._going))
        self._queue = Queue(list(self._going))
        self._journal = Journal(store, "driver")

    @classmethod
    def submit(cls, store: Store, settings: Slurm, todo: list[Entry], round_: str) -> SlurmRound:
        """Submit the jobs, all or none; UserError without submitit or without a cluster, or when the cluster refuses them."""
        submitit = submitit_or_sentence()
        real = settings.cluster == "slurm"
        if real and not (shutil.which("sbatch") and shutil.which("srun")):
            raise UserError(
                "sweep.executor: slurm needs sbatch and srun, and this machine has neither; run it where they are, write a script "
                "with --export, or use the executor local"
            )
        jobs = cut_into_jobs(todo, settings.points_per_job)
        write_jobs(store, round_, jobs)
        handed: list[Any] = []
        try:
            executor = submitit.AutoExecutor(
                folder=store.path / "logs" / "jobs", cluster=settings.cluster, slurm_max_num_timeout=NO_LIMIT
            )
            executor.update_parameters(**parameters(settings, store.about["name"]))
            tasks = [Task(store.path, round_, number, settings.minutes) for number in range(len(jobs))]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                most = most_in_an_array() if real else len(tasks)
                for first in range(0, len(tasks), most):
                    handed += executor.submit_array(tasks[first : first + most])
        except Exception as error:  # submitit has errors of its own for what sbatch says
            if handed and real:
                scancel([str(job.job_id) for job in handed])
            raise UserError(f"the cluster did not take the jobs: {' '.join(str(error).split())[:600]}") from None
        write_ids(store, round_, settings.cluster, [str(job.job_id) for job in handed])
        return cls(store, handed, jobs, settings.cluster)

    @property
    def words(self) -> str:
        """`Slurm array 4711 of 12 jobs (2 running, 10 pending (Resources))`."""
        what = "imitation" if self._cluster != "slurm" else "array" if len(self._arrays) == 1 else "arrays"
        return f"Slurm {what} {', '.join(self._arrays)} of {plural(self._count, 'job')}" + (
            f" ({self._queue.words})" if self._queue.words else ""
        )

    def alive(self) -> bool:
        """Whether a job waits or runs; of those that ended badly, what is said of their points."""
        ended = self._queue.look() if self._cluster == "slurm" else {}
        for name, (job, points) in list(self._going.items()):
            if job.paths.result_pickle.exists() or (self._cluster != "slurm" and job.done()):
                del self._going[name]
            elif name in ended:
                self._mourn(name, ended[name], points)
                del self._going[name]
        return bool(self._going)

    def leave(self) -> None:
        """Jobs of a cluster go on when nobody looks; local ones end with who began them."""
        if self._cluster != "slurm":
            for job, _ in self._going.values():
                job.cancel()

    def _mourn(self, name: str, state: str, points: list[Entry]) -> None:
        states = self._store.states()
        ended = state if " " in state else f"ended as {state}"
        for entry in points:
            if states[entry.hash].status not in ENDED:
                self._journal.say("interrupted", entry, why=f"its job {name} {ended}; its log is in logs/jobs/{name}_*")


def parameters(settings: Slurm, name: str) -> dict[str, Any]:
    """submitit's parameters of a job."""
    always: dict[str, Any] = {
        "name": name,
        "timeout_min": settings.minutes,
        "cpus_per_task": settings.cpus,
        "tasks_per_node": 1,
        "nodes": 1,
        "stderr_to_stdout": True,
        "slurm_array_parallelism": settings.at_once,
        "slurm_setup": [f"export OMP_NUM_THREADS={settings.cpus} TOKENIZERS_PARALLELISM=false", *settings.setup],
        "slurm_additional_parameters": {"requeue": True, **settings.more},
    }
    optional = {
        "gpus_per_node": settings.gpus or None,
        "mem_gb": settings.memory_gb,
        "slurm_partition": settings.partition,
        "slurm_account": settings.account,
    }
    return always | {key: value for key, value in optional.items() if value is not None}


def submitit_or_sentence() -> Any:
    """The library; UserError where it is not installed."""
    try:
        import submitit
    except ImportError:
        raise UserError(
            "sweep.executor: slurm needs submitit, which is not installed; pip install 'interp[slurm]'"
        ) from None
    return submitit
