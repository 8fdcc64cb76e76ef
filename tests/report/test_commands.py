"""The commands of a report, run as they are printed: by a shell, through the Makefile, to the overrides they came from."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from interp.cli.commands import overrides
from interp.configs.paths import shown_path, with_shown_paths
from interp.report.commands import report_command, run_command

ROOT = Path(__file__).parents[2]
STUB = f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A folder with our Makefile and an `interp` that prints what it is given."""
    folder = tmp_path_factory.mktemp("room")
    shutil.copy(ROOT / "Makefile", folder)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "interp").write_text(STUB)
    (folder / ".venv" / "bin" / "interp").chmod(0o755)
    for name in ("pyproject.toml", "constraints.txt"):
        (folder / name).touch()
        os.utime(folder / name, (0, 0))
    (folder / ".venv" / ".ready").touch()
    return folder


def given(command, room):
    done = subprocess.run(["sh", "-c", command], cwd=room, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["seed=3", "share.target=0.5"],
        ["title=two words", "seed=1"],
        ["title=x $(touch pasted) `touch pasted` ; touch pasted"],
        ['title=it\'s "quoted" \\ # % ü ${HOME} $$'],
        ["probes=[{kind: head_ablation, heads: [L1-H2]}]"],
    ],
)
@pytest.mark.parametrize("config", ["configs/one.yaml", "my configs/it's $(touch pasted).yaml"])
def test_what_is_pasted_gives_the_very_same_run_and_runs_nothing_else(room, values, config):
    verb, path, sets, together = given(run_command("experiment", Path(config), values), room)
    assert (verb, path, sets) == ("run", config, "--sets")
    assert overrides(None, together) == values
    assert not (room / "pasted").exists()


@pytest.mark.parametrize("folder", ["runs/a/0123", "~/my runs/a", "runs/$(touch pasted)"])
def test_the_report_command(room, folder):
    assert given(report_command(folder), room) == ["report", folder]
    assert not (room / "pasted").exists()


def test_paths_do_not_say_whose_machine_it_is(monkeypatch, tmp_path):
    (tmp_path / "home" / "study").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "home" / "study")
    assert shown_path(tmp_path / "home" / "study" / "runs") == "runs"
    assert shown_path(tmp_path / "home" / "models") == "~/models"
    assert shown_path(tmp_path / "elsewhere") == "../../elsewhere"
    assert shown_path("runs/x") == "runs/x"
    text = f"output:\n  root: {tmp_path}/home/study/runs\npath: '{tmp_path}/home/m'\nword: and/or\n"
    assert with_shown_paths(text) == "output:\n  root: runs\npath: '~/m'\nword: and/or\n"
