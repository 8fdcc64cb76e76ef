"""Jobs of a Slurm cluster, by submitit: one array, a job for some points of one model.

A job that the cluster cuts off (its time is over, or somebody else comes first) is queued again by submitit with the same
points: those that are finished are passed over, and of the one that was cut off the finished probes are kept.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
import warnings
from pathlib import Path
from typing import Any

from interp.errors import UserError
from interp.sweep.config import Slurm
from interp.sweep.jobs import cut_into_jobs, points_of_job, write_ids, write_jobs
from interp.sweep.store import Entry, Store
from interp.words.phrases import plural

ASK_EVERY = 20.0
"""Seconds between two questions to the scheduler."""


class Task:
    """What a job does. submitit pickles it, and asks it by `checkpoint` what to queue again."""

    def __init__(self, folder: Path, round_: str, number: int) -> None:
        self.folder, self.round_, self.number = folder, round_, number

    def __call__(self) -> str:
        """Do the points of the job; how it ended, in a sentence where it could not go on."""
        from interp.sweep.worker import work

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.default_int_handler)
        store = Store(self.folder)
        wanted = set(points_of_job(store, self.round_, self.number))
        try:
            work(store, [one for one in store.entries if one.hash in wanted], self.round_)
        except UserError as error:
            return str(error)
        return "done"

    def checkpoint(self) -> Any:
        """The same points again."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


class SlurmRound:
    """The jobs of one round."""

    def __init__(self, jobs: list[Any], cluster: str) -> None:
        self._jobs, self._cluster = jobs, cluster
        self._asked = time.monotonic()

    @classmethod
    def submit(cls, store: Store, settings: Slurm, todo: list[Entry], round_: str) -> SlurmRound:
        """Submit the jobs; UserError without submitit or without a cluster, or when the cluster refuses them."""
        submitit = _submitit()
        if settings.cluster == "slurm" and not (shutil.which("sbatch") and shutil.which("srun")):
            raise UserError(
                "sweep.executor: slurm needs sbatch and srun, and this machine has neither; run it where they are, write a script "
                "with --export, or use the executor local"
            )
        jobs = cut_into_jobs(todo, settings.points_per_job)
        write_jobs(store, round_, jobs)
        folder = store.path / "logs" / "jobs"
        executor = submitit.AutoExecutor(folder=folder, cluster=settings.cluster)
        try:
            executor.update_parameters(**parameters(settings, store.about["name"]))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with executor.batch():
                    handed = [executor.submit(Task(store.path, round_, number)) for number in range(len(jobs))]
        except Exception as error:  # submitit has errors of its own for what sbatch says
            raise UserError(f"the cluster did not take the jobs: {' '.join(str(error).split())[:600]}") from None
        write_ids(store, round_, settings.cluster, [str(job.job_id) for job in handed])
        return cls(handed, settings.cluster)

    @property
    def words(self) -> str:
        """`Slurm job 4711, 12 jobs`."""
        first = str(self._jobs[0].job_id).split("_")[0] if self._jobs else "none"
        return f"Slurm array {first} of {plural(len(self._jobs), 'job')} ({self._cluster})"

    def alive(self) -> bool:
        """Whether a job waits or runs."""
        ask = self._cluster == "slurm" and time.monotonic() - self._asked > ASK_EVERY
        if ask:
            self._asked = time.monotonic()
            self._jobs[0].watcher.update()
        return not all(job.done() for job in self._jobs)

    def leave(self) -> None:
        """Jobs of a cluster go on when nobody looks; local ones end with who began them."""
        if self._cluster != "slurm":
            for job in self._jobs:
                job.cancel()


def parameters(settings: Slurm, name: str) -> dict[str, Any]:
    """submitit's parameters of a job."""
    found: dict[str, Any] = {
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
    return found | {key: value for key, value in optional.items() if value is not None}


def scancel(ids: list[str]) -> None:
    """Cancel jobs of the cluster; UserError when scancel is missing or says no."""
    arrays = sorted({one.split("_")[0] for one in ids})
    try:
        subprocess.run(["scancel", *arrays], check=True, capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        raise UserError("scancel is not on this machine; cancel the sweep where the cluster is") from None
    except subprocess.CalledProcessError as error:
        raise UserError(f"scancel {' '.join(arrays)} failed: {' '.join(error.stderr.split())[:300]}") from None


def _submitit() -> Any:
    try:
        import submitit
    except ImportError:
        raise UserError(
            "sweep.executor: slurm needs submitit, which is not installed; pip install 'interp[slurm]'"
        ) from None
    return submitit
