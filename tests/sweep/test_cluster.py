"""Slurm by submitit, and by an exported script; the cluster is tests/sweep/slurm, or submitit's own two imitations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from tests.sweep.small import HERE, SIX, done, environment, sweep, write_sweep

pytestmark = pytest.mark.slow
SLURM = "  executor: {kind: slurm, cluster: CLUSTER, points_per_job: 2, partition: gpu, setup: [export THERE=1]}\n"


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """sbatch, srun, sacct and scancel on PATH."""
    state = tmp_path / "slurm"
    state.mkdir()
    monkeypatch.setenv("FAKE_SLURM", str(state))
    monkeypatch.setenv(
        "PATH", f"{HERE / 'slurm'}{os.pathsep}{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    )
    return state


@pytest.mark.parametrize("imitation", ["debug", "local"])
def test_submitits_imitations_of_a_cluster_do_all_points(tmp_path, imitation):
    path = write_sweep(tmp_path, more=SLURM.replace("CLUSTER", imitation))
    code, said = sweep("run", path)
    assert code == 0, said
    assert done(tmp_path) == SIX


def test_an_array_of_jobs_each_of_one_model(tmp_path, cluster):
    path = write_sweep(tmp_path, more=SLURM.replace("CLUSTER", "slurm"))
    code, said = sweep("run", path)
    assert code == 0, said
    assert done(tmp_path) == SIX
    script = (cluster / "script").read_text()
    assert "--array=0-3%" in script  # three points a model, two a job
    assert "--partition=gpu" in script
    assert "export THERE=1" in script
    assert sweep("cancel", path)[0] == 0
    assert (cluster / "cancelled").read_text().strip() == "4711"


def test_an_exported_script_does_the_points_and_submits_nothing(tmp_path, cluster):
    path = write_sweep(tmp_path, "{seed: [0, 1]}", more=SLURM.replace("CLUSTER", "slurm"))
    code, said = sweep("run", path, "--export", tmp_path / "export")
    assert code == 0, said
    assert done(tmp_path) == []
    assert not (cluster / "script").exists()
    rows = [line.split("\t")[:2] for line in (tmp_path / "export" / "sweep.tsv").read_text().splitlines()]
    assert rows == [["job", "point"], ["0", "seed0"], ["0", "seed1"]]
    subprocess.run(["sbatch", str(tmp_path / "export" / "sweep.sbatch")], check=True, env=environment())
    end = time.monotonic() + 120
    while (
        not (cluster / "4711_0").exists() or (cluster / "4711_0").read_text() == "RUNNING"
    ) and time.monotonic() < end:
        time.sleep(0.1)
    assert done(tmp_path) == ["seed0", "seed1"]
    assert json.loads(sweep("status", path, "--json")[1])["counts"] == {"finished": 2}


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path):
    path = write_sweep(tmp_path, more=SLURM.replace("CLUSTER", "slurm"))
    code, said = sweep("run", path, PATH=os.path.dirname(sys.executable))
    assert (code, done(tmp_path)) == (2, [])
    assert "this machine has neither" in said
