from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest

from interp.errors import UserError
from interp.results import atomic
from interp.results.manifest import Manifest
from interp.results.run_folder import RunFolder, config_hash, versions

CONFIG = {"name": "n", "seed": 0, "output": {"root": "runs"}}
TABLE = pd.DataFrame({"prompt": [0, 1], "value": [0.1, 1 / 3], "layer": pd.array([1, None], dtype="Int64")})


def folder(tmp_path, config=CONFIG):
    return RunFolder.open(tmp_path, "n", config, "name: n\n")


def test_parts_come_back_as_they_were(tmp_path):
    with folder(tmp_path) as run:
        assert not run.has("p")
        run.save_part("p", TABLE, {"n": 3, "bad": float("nan"), "np": np.float64(0.5)})
    with folder(tmp_path) as again:
        assert again.has("p")
        table, findings = again.load_part("p")
    pd.testing.assert_frame_equal(table, TABLE)
    assert findings == {"n": 3, "bad": None, "np": 0.5}


@pytest.mark.parametrize("ending", ["parquet", "json"])
@pytest.mark.parametrize("damage", ["truncate", "delete"])
def test_a_damaged_part_does_not_count(tmp_path, ending, damage):
    with folder(tmp_path) as run:
        run.save_part("p", TABLE, {})
        path = run.path / "parts" / f"p.{ending}"
        if damage == "delete":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-20])
        assert not run.has("p")


def test_the_output_place_is_no_part_of_the_hash_and_everything_else_is():
    assert config_hash(CONFIG) == config_hash(CONFIG | {"output": {"root": "elsewhere"}})
    assert config_hash(CONFIG) != config_hash(CONFIG | {"seed": 1})


def test_a_folder_of_another_config_is_refused(tmp_path):
    with folder(tmp_path) as run:
        (run.path / "config.resolved.yaml").write_text("name: n\nseed: 5\n")
    with pytest.raises(UserError, match="holds the run of another config"):
        folder(tmp_path)


def test_two_processes_cannot_write_one_run(tmp_path):
    with folder(tmp_path), pytest.raises(UserError, match="another process"), folder(tmp_path):
        pass


def test_an_unwritable_place_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write to .*; choose another output.root"):
        folder(tmp_path / "file")


def test_a_folder_in_a_files_place_is_named(tmp_path):
    with folder(tmp_path) as run:
        run.write_json("metrics.json", {"n": 1})
        (run.path / "metrics.json").unlink()
        (run.path / "metrics.json").mkdir()
        with pytest.raises(UserError, match=r"metrics.json is a folder, where the run writes a file; move it away$"):
            run.write_json("metrics.json", {"n": 2})


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path, monkeypatch):
    with folder(tmp_path) as run:
        run.save_part("p", TABLE, {"n": 1})

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match="No space left on device; free some space or choose another output.root"):
            run.save_part("p", TABLE, {"n": 2})
        assert run.load_part("p")[1] == {"n": 1}


def test_killed_while_writing_leaves_the_old_file_and_the_next_run_cleans_up(tmp_path):
    with folder(tmp_path) as run:
        run.write_json("metrics.json", {"n": 1})
    code = """
        import os, sys
        from pathlib import Path
        from interp.results import atomic
        real = os.replace
        os.replace = lambda *_: (print("ready", flush=True), __import__("time").sleep(60))
        atomic.write_json(Path(sys.argv[1]), {"n": 2})
    """
    path = run.path / "metrics.json"
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert json.loads(path.read_text()) == {"n": 1}
    assert list(run.path.glob(f"*{atomic.TEMPORARY}"))
    with folder(tmp_path):
        assert not list(run.path.glob(f"*{atomic.TEMPORARY}"))


def test_the_same_table_gives_the_same_bytes(tmp_path):
    for name in ("a.parquet", "b.parquet", "a.csv", "b.csv"):
        atomic.write_table(tmp_path / name, TABLE)
    for ending in ("parquet", "csv"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
    assert pd.read_csv(tmp_path / "a.csv")["value"].tolist() == TABLE["value"].tolist()


def test_the_manifest_names_versions(tmp_path):
    with folder(tmp_path) as run:
        run.write_manifest(Manifest(status="running"))
        assert run.manifest().status == "running"
        (run.path / "manifest.json").write_text("{")
        assert run.manifest() == Manifest()
    assert {"python", "torch", "transformer-lens"} <= set(versions())


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(UserError, match=r"is no run folder: config.resolved.yaml is missing$"):
        RunFolder.existing(tmp_path)


def test_a_folder_of_one_run_stands_for_it_and_of_several_is_refused(tmp_path):
    with folder(tmp_path) as run:
        pass
    assert RunFolder.existing(run.path).path == RunFolder.existing(run.path.parent).path == run.path
    (run.path.parent / "other").mkdir()
    (run.path.parent / "other" / "config.resolved.yaml").touch()
    with pytest.raises(UserError, match=f"holds 2 runs, say which: {run.path.name}, other$"):
        RunFolder.existing(run.path.parent)


def test_nothing_is_written_before_the_lock_is_held(tmp_path):
    first = folder(tmp_path)
    assert not [path for path in first.path.iterdir() if path.name != ".lock"]
    with first:
        assert (first.path / "config.yaml").read_text() == "name: n\n"


def test_a_config_that_was_damaged_is_written_again_and_another_one_is_not(tmp_path):
    with folder(tmp_path) as run:
        kept = (run.path / "config.resolved.yaml").read_bytes()
    for damage in (b"", b"\x00\xff", kept[:1], b"[" * 3000):
        (run.path / "config.resolved.yaml").write_bytes(damage)
        with folder(tmp_path):
            assert (run.path / "config.resolved.yaml").read_bytes() == kept


def test_a_manifest_that_was_changed_by_hand_does_not_count(tmp_path):
    with folder(tmp_path) as run:
        run.write_manifest(Manifest(status="running"))
        path = run.path / "manifest.json"
        path.write_text(path.read_text().replace("running", "finished"))
        assert run.manifest() == Manifest()
        run.write_manifest(Manifest(status="finished", config_hash="of another run"))
        assert run.manifest() == Manifest()


def test_fresh_removes_what_the_run_left_and_nothing_else(tmp_path):
    with folder(tmp_path) as run:
        run.save_part("p", TABLE, {})
        run.write_table("effects.parquet", TABLE)
        run.write_manifest(Manifest(status="finished"))
        (run.path / "notes.txt").write_text("mine")
        run.clear(["effects.parquet"])
        assert {path.name for path in run.path.iterdir()} == {
            *(".lock", "notes.txt", "config.yaml", "config.resolved.yaml")
        }
