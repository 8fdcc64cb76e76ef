"""The command line as a user meets it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from interp import cli, studies
from interp.cli import app


def invoke(*arguments):
    return subprocess.run([sys.executable, "-m", "interp", *arguments], capture_output=True, text=True, check=False)


def test_a_users_mistake_is_one_sentence_and_exit_code_two(tmp_path):
    done = invoke("run", str(tmp_path / "missing.yaml"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: there is no config")
    assert done.stderr.count("\n") == 1


def test_a_bug_keeps_its_traceback(monkeypatch):
    def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_ctrl_c_says_how_to_go_on(monkeypatch, capsys, tmp_path):
    def stopped(*_):
        raise KeyboardInterrupt

    # Through typer, which ends a program on Ctrl-C by itself, and silently.
    monkeypatch.setattr(studies, "load_any", stopped)
    monkeypatch.setattr(sys, "argv", ["interp", "run", str(tmp_path / "any.yaml")])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 130
    assert "goes on from what is finished" in capsys.readouterr().err


def test_a_schema_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    done = invoke("schema", str(tmp_path / "file" / "configs"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write to")


def test_list_names_every_kind_with_a_line():
    said = CliRunner().invoke(app, ["list"], env={"COLUMNS": "200"}).output
    for name in (
        *("key_query_heads", "edge_patching", "antonyms", "logit_diff", "circuit_panel", "key_query_circuit"),
        *("smollm2-135m-instruct", "source: directory"),
    ):
        assert name in said


def test_validate_and_report_on_a_finished_run(finished):
    runner = CliRunner()
    checked = runner.invoke(app, ["validate", str(finished[0])])
    assert checked.exit_code == 0
    assert "forward passes" in checked.output
    again = runner.invoke(app, ["report", str(finished[1])])
    assert again.exit_code == 0
    assert "report.html" in again.output
