"""`interp sweep run --export`: a plain sbatch array script and what each of its jobs does, for clusters that take no Python."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from interp.configs.paths import shown_path
from interp.errors import UserError
from interp.results import atomic
from interp.sweep.config import AnyExecutor, Slurm
from interp.sweep.executors.queue import most_in_an_array
from interp.sweep.jobs import cut_into_jobs, write_jobs
from interp.sweep.store import Entry, Store
from interp.words.phrases import plural

TIMES_UP = 120
"""Seconds before a job's time is over in which it ends what it does and queues itself again."""


def export(store: Store, settings: AnyExecutor, todo: list[Entry], round_: str, folder: Path, console: Console) -> Path:
    """Write sweep.sbatch and sweep.tsv into a folder and submit nothing; UserError when all points are finished, or there
    are more jobs than an array can have."""
    if not todo:
        raise UserError(f"{store.path}: all points are finished, so there is nothing to export; interp sweep collect")
    slurm = settings if isinstance(settings, Slurm) else Slurm()
    jobs = cut_into_jobs(todo, slurm.points_per_job)
    if len(jobs) > (most := most_in_an_array()):
        raise UserError(
            f"{store.path}: {len(jobs):,} jobs do not fit into one array, of which the cluster takes at most {most:,}; raise "
            "sweep.executor.points_per_job, or submit by submitit, which cuts arrays"
        )
    write_jobs(store, round_, jobs)
    # Slurm ends a job at once, and without a word, when it cannot open the job's log.
    with atomic.mendable(store.path / "logs"):
        (store.path / "logs").mkdir(exist_ok=True)
    script = folder / "sweep.sbatch"
    atomic.write_text(script, script_of(store, slurm, round_, len(jobs)))
    rows = (f"{number}\t{entry.name}\t{entry.hash}\n" for number, job in enumerate(jobs) for entry in job)
    atomic.write_text(folder / "sweep.tsv", "job\tpoint\thash\n" + "".join(rows))
    console.print(
        f"{script}: {plural(len(jobs), 'job')} for {plural(len(todo), 'point')} (sweep.tsv says which); submit it with: "
        f"sbatch {shlex.quote(str(script))}; afterwards: interp sweep collect {shown_path(store.path)}",
        highlight=False,
        soft_wrap=True,
    )
    return script


def script_of(store: Store, settings: Slurm, round_: str, n_jobs: int) -> str:
    """The script: one array job, which is queued again when its time is over or it is preempted."""
    worker = f"{shlex.quote(sys.executable)} -m interp.sweep.worker {shlex.quote(str(store.path.resolve()))}"
    worker += f" --minutes {settings.minutes}"
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH --{option}" for option in _options(store, settings, n_jobs)),
        "",
        "# One job does the points of one model, one after another. What is finished is passed over, so the script can be",
        "# submitted again; a point that another job holds is left to it.",
        f"cd {shlex.quote(str(Path.cwd()))} || exit 2",
        f"export OMP_NUM_THREADS={settings.cpus} TOKENIZERS_PARALLELISM=false",
        *settings.setup,
        'again=0; stop() { again="$1"; kill -INT "$worker"; }',
        "trap 'stop 1' USR1   # the job's time is nearly over: end, keep what is finished, be queued again",
        "trap 'stop 0' TERM   # preempted (Slurm queues it again) or cancelled",
        f'{worker} --round {round_} --job "$SLURM_ARRAY_TASK_ID" &',
        'worker=$!; wait "$worker"; code=$?',
        'while kill -0 "$worker" 2>/dev/null; do wait "$worker"; code=$?; done',
        'if [ "$again" = 1 ]; then scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"; fi',
        'exit "$code"',
    ]
    return "\n".join(lines) + "\n"


def _options(store: Store, settings: Slurm, n_jobs: int) -> Iterator[str]:
    yield f"job-name={store.about['name']}"
    yield f"array=0-{n_jobs - 1}%{settings.at_once}"
    yield f"time={settings.minutes}"
    yield f"cpus-per-task={settings.cpus}"
    yield f"output={store.path.resolve()}/logs/slurm-%A_%a.log"
    yield "open-mode=append"
    yield "requeue"
    yield f"signal=B:USR1@{TIMES_UP}"
    if settings.gpus:
        yield f"gres=gpu:{settings.gpus}"
    if settings.memory_gb is not None:
        yield f"mem={round(settings.memory_gb * 1024)}M"
    for name in ("partition", "account"):
        if (value := getattr(settings, name)) is not None:
            yield f"{name}={value}"
    for name, value in settings.more.items():
        if value is not False:
            yield name.replace("_", "-") if value is True else f"{name.replace('_', '-')}={value}"
