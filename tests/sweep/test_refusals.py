"""What a sweep cannot do is one sentence, and what is nearest to it works. No model is loaded."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from interp.errors import UserError
from interp.runs.kinds import load_any, publish_any
from interp.sweep.collect import collect
from interp.sweep.config import Slurm
from interp.sweep.executors import slurm
from interp.sweep.executors.export import export
from interp.sweep.expand import expand
from interp.sweep.store import Store
from interp.sweep.worker import work
from tests.sweep.test_expand import YAML

QUIET = Console(quiet=True)


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(f"output: {{root: {tmp_path}/runs}}\n{YAML}  grid: {{seed: [0, 1, 2]}}\n")
    return Store.prepare(expand(path))


@pytest.fixture
def runs(monkeypatch):
    """The points that are run, which take no time."""
    told = []
    monkeypatch.setattr("interp.sweep.worker.run_point", lambda store, entry, given, console: told.append(entry.name))
    return told


def test_a_cluster_without_submitit(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match=r"slurm needs submitit, which is not installed; pip install 'interp\[slurm\]'"):
        slurm.SlurmRound.submit(store, Slurm(), store.entries, "round")
    assert not (store.path / "jobs").exists()
    monkeypatch.undo()
    assert slurm.submitit_or_sentence().__name__ == "submitit"


def test_the_report_of_a_sweep_is_collected_and_not_drawn(store):
    with pytest.raises(UserError, match="its report is drawn again by: interp sweep collect"):
        publish_any(store.path, QUIET)
    with pytest.raises(UserError, match="no point is finished yet"):
        collect(store.path, [], QUIET)


def test_a_sweep_is_no_run(tmp_path, store):
    path = tmp_path / "study.yaml"
    with pytest.raises(UserError, match="many runs: interp sweep plan, or interp sweep run"):
        load_any(path)
    path.write_text(path.read_text().split("sweep:")[0])
    assert load_any(path)[1].run.name == "study"


def test_a_full_disk_is_said_with_the_point_that_it_kept_from_running(store, runs, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr("interp.sweep.store.shutil.disk_usage", lambda _: SimpleNamespace(free=2**20))
        with pytest.raises(UserError, match="there is no room on the disk"):
            work(store, store.entries, "first", QUIET)
    states = list(store.states().values())
    assert [one.status for one in states] == ["interrupted", "waiting", "waiting"]
    assert "1 MB are free" in states[0].why
    assert runs == []
    work(store, store.entries, "first", QUIET)  # in the same round: no point is to blame
    assert runs == [one.name for one in store.entries]


@pytest.mark.parametrize(
    ("took", "kept", "status"), [(590, False, "failed"), (590, True, "interrupted"), (20, False, "interrupted")]
)
def test_a_point_that_got_nowhere_in_a_whole_job_is_given_up(store, monkeypatch, took, kept, status):
    """Jobs of ten minutes, whose end interrupts what runs."""

    def cut_off(store, entry, given, console):
        if kept:
            part = store.point_folder(entry) / "parts" / "probe.json"
            part.parent.mkdir(parents=True)
            part.write_text("{}")
        clock.append(took)
        raise KeyboardInterrupt

    clock = [0.0]
    monkeypatch.setattr("interp.sweep.worker.time.monotonic", lambda: clock[-1])
    monkeypatch.setattr("interp.sweep.worker.run_point", cut_off)
    first = store.entries[0]
    with pytest.raises(KeyboardInterrupt):
        work(store, [first], "round", QUIET, minutes=10)
    state = store.states()[first.hash]
    assert state.status == status
    assert ("raise sweep.executor.minutes" in state.why) == (status == "failed")
    assert (store.tried(first) == "round") == (status == "failed")


def test_more_jobs_than_an_array_can_have(store, tmp_path, monkeypatch):
    monkeypatch.setattr("interp.sweep.executors.export.most_in_an_array", lambda: 2)
    with pytest.raises(UserError, match=r"3 jobs do not fit into one array, .* raise sweep.executor.points_per_job"):
        export(store, Slurm(points_per_job=1), store.entries, "round", tmp_path / "out", QUIET)
    assert export(store, Slurm(points_per_job=2), store.entries, "round", tmp_path / "out", QUIET).is_file()
