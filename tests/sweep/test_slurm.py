"""Sweeps on a real Slurm: `make test-slurm`, where its daemons are installed (tests/sweep/one_node.py)."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from tests.sweep.one_node import OneNode, missing
from tests.sweep.small import SIX, begin, done, environment, go, sweep, write_sweep

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(bool(missing()), reason=f"Slurm is not installed here: {', '.join(missing())}"),
]
EXECUTOR = (
    "  executor: {kind: slurm, points_per_job: 2, cpus: 1, partition: PARTITION, minutes: 5, setup: [export THERE=1]}\n"
)


@pytest.fixture(scope="module")
def node():
    cluster = OneNode()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(node, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", str(node.config))
    return node


def test_jobs_that_are_preempted_requeued_or_out_of_time_lose_nothing(tmp_path, cluster):
    path = write_sweep(tmp_path, seconds=90, more=EXECUTOR.replace("PARTITION", "low"))
    running = begin("run", path)
    wait(lambda: len(started(tmp_path)) == 4)  # three points a model, two a job
    names = sorted(cluster.states())
    assert len({name.split("_")[0] for name in names}) == 2  # the cluster takes two jobs in an array
    # Somebody with a higher priority wants a processor.
    subprocess.run(["sbatch", "--partition=high", "--output=/dev/null", "--wrap=sleep 1"], check=True, cwd=tmp_path)
    wait(lambda: [name for name in names if cluster.states()[name] != "RUNNING"])
    first, second = [name for name in names if cluster.states()[name] == "RUNNING"][:2]
    cluster.say("scontrol", "requeue", first)
    cluster.say("scancel", "--signal=USR2", second)  # what the cluster sends when a job's time is nearly over
    wait(lambda: sum(cluster.restarts()[name] for name in names) == 3)
    wait(lambda: "COMPLETING" not in cluster.states().values())  # their processes have ended, too
    go(tmp_path)
    said = running.communicate(timeout=200)[0]
    assert running.returncode == 0, said
    assert "sacct" not in said  # it needs a database that this cluster has not
    assert done(tmp_path) == SIX
    assert 1 <= len(started(tmp_path)) - len(SIX) <= 3  # what was cut off was begun again, and nothing else
    assert all(len(models) == 1 for models in models_of_processes(tmp_path))
    assert json.loads(sweep("status", path, "--json")[1])["counts"] == {"finished": 6}


def test_a_job_that_dies_is_said_with_its_points_and_the_next_run_does_them(tmp_path, cluster):
    grid = "{fault: {no: '', yes: die}, seed: [0, 1]}"
    path = write_sweep(
        tmp_path, grid, more=EXECUTOR.replace("PARTITION", "high").replace("points_per_job: 2", "points_per_job: 1")
    )
    code, said = sweep("run", path)
    assert code == 1
    assert done(tmp_path) == ["no-seed0", "no-seed1"]
    assert "ended as FAILED; its log is in logs/jobs/" in said
    assert json.loads(sweep("status", path, "--json")[1])["counts"] == {"finished": 2, "interrupted": 2}


def test_cancelled_jobs_leave_the_queue_and_a_later_run_goes_on(tmp_path, cluster):
    path = write_sweep(tmp_path, "{seed: [0, 1]}", seconds=90, more=EXECUTOR.replace("PARTITION", "high"))
    code, said = sweep("run", path, "--no-wait")
    assert (code, "interp sweep status" in said) == (0, True)
    wait(lambda: started(tmp_path))
    assert sweep("cancel", path)[0] == 0
    wait(lambda: not cluster.say("squeue", "--noheader"))
    assert done(tmp_path) == []
    go(tmp_path)
    code, said = sweep("run", path)
    assert code == 0, said
    assert done(tmp_path) == ["seed0", "seed1"]


def test_an_exported_script_is_queued_again_when_its_time_is_over(tmp_path, cluster):
    path = write_sweep(tmp_path, "{seed: [0, 1]}", seconds=90, more=EXECUTOR.replace("PARTITION", "high"))
    assert sweep("run", path, "--export", tmp_path / "export")[0] == 0
    script = str(tmp_path / "export" / "sweep.sbatch")
    said = subprocess.run(["sbatch", script], check=True, env=environment(), capture_output=True, text=True).stdout
    job = f"{said.split()[-1]}_0"
    wait(lambda: started(tmp_path))
    cluster.say("scancel", "--batch", "--signal=USR1", job)
    wait(lambda: cluster.restarts()[job] == 1)
    go(tmp_path)
    wait(lambda: cluster.states()[job] == "COMPLETED")
    assert done(tmp_path) == ["seed0", "seed1"]


def test_what_the_cluster_refuses_is_one_sentence(tmp_path, cluster):
    path = write_sweep(tmp_path, "{seed: [0, 1]}", more=EXECUTOR.replace("PARTITION", "nowhere"))
    code, said = sweep("run", path)
    assert (code, done(tmp_path)) == (2, [])
    assert "the cluster did not take the jobs" in said
    assert "invalid partition" in said
    assert "Traceback" not in said


def started(folder):
    """The points that were begun, one that was begun twice standing twice."""
    lines = [line for path in folder.rglob("worker-*.jsonl") for line in path.read_text().splitlines()]
    return [event["point"] for event in map(json.loads, lines) if event["event"] == "started"]


def models_of_processes(folder):
    """What models each process that did a point has done, in order."""
    by_process = {}
    for line in (folder / "log").read_text().splitlines():
        point, process = line.split()
        by_process.setdefault(process, set()).add(point.split("-")[1])
    return sorted(by_process.values(), key=sorted)


def wait(true, seconds=100):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.1)
