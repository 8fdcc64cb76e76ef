"""Sweeps carried out by processes of this machine: failures, kills, growth, and what is asked of their folder."""

from __future__ import annotations

import json
import os
import signal
import time

import pandas as pd
import pytest

from tests.sweep.small import SIX, begin, done, sweep, write_sweep

pytestmark = pytest.mark.slow


def test_a_failed_point_stops_no_other_and_a_grown_sweep_does_what_is_missing(tmp_path):
    grid = "{fault: ['', refuse, bug, die], seed: [0, 1]}"
    path = write_sweep(tmp_path, grid)
    code, said = sweep("run", path, "--jobs", 2)
    assert code == 1
    assert done(tmp_path) == ["fault-seed0", "fault-seed1"]
    for words in ("no prompt is left", "ValueError: a bug", "signal 9 (SIGKILL) 2 times"):
        assert words in said
    code, said = sweep("status", path, "--json")
    counts = json.loads(said)["counts"]
    assert counts == {"finished": 2, "refused": 2, "failed": 4}
    folder = next(one for one in (tmp_path / "runs" / "small").iterdir() if one.name != "points")
    table = pd.read_parquet(folder / "results.parquet")
    assert table[["point", "quantity", "value"]].to_numpy().tolist() == [
        ["fault-seed0", "effect", 0.0],
        ["fault-seed1", "effect", 1.0],
    ]
    grown = write_sweep(tmp_path, "{fault: [''], seed: [0, 1, 2]}")
    code, said = sweep("run", grown)
    assert (code, done(tmp_path)) == (0, ["fault-seed0", "fault-seed1", "fault-seed2"])
    assert "2 finished before" in said


@pytest.mark.parametrize("killed", ["worker", "driver", "both"])
def test_a_kill_loses_nothing_and_does_nothing_twice(tmp_path, killed):
    path = write_sweep(tmp_path, seconds=0.4)
    running = begin("run", path, "--jobs", 2)
    workers = _wait_for_workers(tmp_path)
    if killed in ("driver", "both"):
        running.kill()
    if killed in ("worker", "both"):
        os.kill(workers[0], signal.SIGKILL)
    running.communicate(timeout=120)
    code, _ = sweep("run", path)
    assert code == 0
    _wait(lambda: len(done(tmp_path)) >= len(SIX))
    assert done(tmp_path) == SIX


def test_another_sweeps_folder_and_a_full_disk_are_one_sentence(tmp_path, monkeypatch):
    path = write_sweep(tmp_path)
    assert sweep("run", path)[0] == 0
    folder = next(one for one in (tmp_path / "runs" / "small").iterdir() if one.name != "points")
    resolved = folder / "config.resolved.yaml"
    resolved.write_text(resolved.read_text().replace("counting", "circuit"))
    code, said = sweep("run", path)
    assert code == 2
    assert "holds the run of another config" in said
    from interp.sweep.store import Store

    store = Store(folder)
    store.check_room()
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 2**20})())
    with pytest.raises(Exception, match="no room on the disk"):
        store.check_room()


def test_cancel_stops_what_runs_and_a_later_run_goes_on(tmp_path):
    path = write_sweep(tmp_path, seconds=1.0)
    running = begin("run", path, "--jobs", 2)
    _wait_for_workers(tmp_path)
    assert sweep("cancel", path)[0] == 0
    assert running.wait(60) == 1
    running.stdout.close()
    assert len(done(tmp_path)) < len(SIX)
    assert sweep("run", path, "--jobs", 2, "--set", "seconds=1.0")[0] == 0
    assert done(tmp_path) == SIX


def _wait_for_workers(folder):
    """The processes that have begun a point."""

    def begun():
        lines = [line for path in folder.rglob("worker-*.jsonl") for line in path.read_text().splitlines()]
        return sorted({int(json.loads(line)["worker"].rsplit("-", 1)[1]) for line in lines})

    _wait(lambda: begun())
    return begun()


def _wait(true, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)
