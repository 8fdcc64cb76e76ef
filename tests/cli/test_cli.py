"""The command line as a user meets it."""

from __future__ import annotations

import json
import os
import re
import runpy
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from interp import cli
from interp.cli import commands
from interp.cli.commands import app
from interp.errors import UserError, interruptions
from interp.runs import kinds
from interp.runs.circuit.config import load
from interp.runs.circuit.run import run
from tests.tiny_models import write_tiny_llama
from tests.tiny_runs import QUIET, write_yaml

ROOT = Path(__file__).parent.parent.parent


def invoke(*arguments):
    return subprocess.run([sys.executable, "-m", "interp", *arguments], capture_output=True, text=True, check=False)


def test_a_users_mistake_is_one_sentence_and_exit_code_two(tmp_path):
    done = invoke("run", str(tmp_path / "missing.yaml"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: there is no config")
    assert done.stderr.count("\n") == 1


def test_a_bug_keeps_its_traceback(monkeypatch):
    def broken(**_):
        raise ZeroDivisionError

    monkeypatch.setattr(commands, "app", broken)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_ctrl_c_says_how_to_go_on(monkeypatch, capsys, tmp_path):
    def stopped(*_):
        raise KeyboardInterrupt

    # Through typer, which ends a program on Ctrl-C by itself, and silently.
    monkeypatch.setattr(kinds, "load_any", stopped)
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


def test_validate_says_what_was_left_out(finished):
    checked = CliRunner().invoke(app, ["validate", str(finished[0])])
    assert checked.exit_code == 0
    assert "forward passes" in checked.output
    n_out = re.search(r"(\d+) left out", " ".join(checked.output.split()))[1]
    assert re.search(rf"left out, by reason, an example each:\s+{n_out}  beyond the task's max_pairs", checked.output)
    assert " ".join(checked.output.split()).endswith("the config is valid")


def test_the_report_of_a_finished_run_is_drawn_again(tiny_llama, tmp_path):
    few = ["probes=[{kind: head_ablation}]", "experiment=null", "figures=[{kind: head_heatmap}]"]
    report = run(load(write_yaml(tmp_path, tiny_llama), few), QUIET)
    before = report.read_bytes()
    report.unlink()
    again = CliRunner().invoke(app, ["report", str(report.parent)])
    assert again.exit_code == 0
    assert "report.html" in again.output
    assert report.read_bytes() == before


GOOD = {"name": "good", "model": {"source": "pypi"}, "probes": [{"kind": "head_ablation"}]}
WITHOUT = """
import sys, importlib.abc
class Raises(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {heavy}:
            raise AssertionError(name + " is imported, which is not needed here")
sys.meta_path.insert(0, Raises())
from interp.cli import main
main()
"""
HEAVY = ("torch", "transformer_lens", "transformers", "scipy", "seaborn", "matplotlib", "pandas")


@pytest.mark.parametrize(
    "change", [{"seed": "x"}, {"probes": [{"kind": "head_ablatoin"}]}, {"prompts": {"task": {"kind": "antonym"}}}]
)
def test_a_mistake_in_a_yaml_is_told_before_anything_heavy_is_imported(tmp_path, change):
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps(GOOD | change))
    command = [sys.executable, "-c", WITHOUT.replace("{heavy}", repr(HEAVY)), "validate", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: {path}: ")
    assert done.stderr.count("\n") == 1


def test_a_valid_run_is_checked_without_the_library_that_would_run_it(tmp_path):
    """It takes longer to import than 10^4 prompts take to check."""
    path = write_yaml(tmp_path, write_tiny_llama(tmp_path / "m"))
    command = [sys.executable, "-c", WITHOUT.replace("{heavy}", repr(("transformer_lens",))), "validate", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "forward passes" in done.stdout) == (0, True), done.stderr


def test_several_mistakes_have_a_line_each(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps(GOOD | {"seed": "x", "share": {"target": 7}, "nmae": 1}))
    done = invoke("validate", str(path))
    assert done.returncode == 2
    first, *others = done.stderr.splitlines()
    assert first == f"error: {path} has 3 mistakes:"
    assert {line.split(":")[0].strip() for line in others} == {"seed", "share.target", "nmae"}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_terminal_gets_the_letters_that_it_has(tmp_path, encoding):
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps(GOOD | {"seed": "→ größe 😀"}, ensure_ascii=False), encoding="utf-8")
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "interp", "validate", str(path)]
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    said = done.stderr.decode(encoding)
    assert done.returncode == 2
    assert "Traceback" not in said
    assert {"ascii": "-> gr??e ?", "latin-1": "-> größe ?", "cp1252": "-> größe ?"}.get(encoding, "→ größe 😀") in said
    shown = subprocess.run([sys.executable, "-m", "interp", "list"], capture_output=True, check=False, env=environment)
    assert shown.returncode == 0, shown.stderr


@pytest.mark.parametrize("after", [0.05, 0.1, 0.2, 0.6, 1.5])
def test_ctrl_c_at_any_moment_is_no_traceback(tmp_path, after):
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps(GOOD))
    # Our own code starts when it says so; before, Python itself is starting.
    code = "import interp.cli, sys; print('here', flush=True); interp.cli.main()"
    command = [sys.executable, "-c", code, "validate", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert "Traceback" not in said
    assert process.returncode in (0, 130) or "error: " in said


@pytest.mark.parametrize("interrupted_at", ["interp.cli", "interp.cli.entry", "interp.errors", "interp.cli.commands"])
@pytest.mark.parametrize("start", ["module", "script"])
def test_ctrl_c_while_the_first_modules_come_in_is_one_line(interrupted_at, start):
    script = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]["interp"]
    module, _, function = script.partition(":")
    run = {
        "module": "import runpy; runpy.run_module('interp', run_name='__main__')",
        "script": f"from {module} import {function}; {function}()",
    }[start]
    code = f"""
import sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {interrupted_at!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
sys.argv = ["interp", "list"]
{run}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 130, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("interrupted")


def test_overrides_of_a_makefile_are_split_as_by_a_shell():
    assert commands.overrides(["a=1"], "title='two words' b=$x") == ["a=1", "title=two words", "b=$x"]
    assert commands.overrides(None, "") == []
    with pytest.raises(UserError, match="SET: No closing quotation"):
        commands.overrides(None, "title='two")


WRAPPED = """
class Hook:
    def __set_name__(self, owner, name):
        raise KeyboardInterrupt
"""


def test_ctrl_c_that_python_wraps_in_another_error_is_one_line(tmp_path):
    # Python 3.11 raises a RuntimeError from whatever __set_name__ raises, as when a class of pydantic's is being made.
    (tmp_path / "hooked.py").write_text(WRAPPED + "class Owner:\n    hook = Hook()\n")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "interp.cli.commands":
            import hooked
sys.meta_path.insert(0, Interrupting())
from interp.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, len(done.stderr.splitlines())) == (130, 1), done.stderr
    assert done.stderr.startswith("interrupted")


def test_an_error_that_no_ctrl_c_caused_keeps_its_traceback(tmp_path):
    (tmp_path / "hooked.py").write_text(
        WRAPPED.replace("KeyboardInterrupt", "ValueError('a bug')") + "class Owner:\n    hook = Hook()\n"
    )
    with pytest.raises((RuntimeError, ValueError)), interruptions():
        runpy.run_path(str(tmp_path / "hooked.py"))


def test_ctrl_c_in_a_finaliser_is_not_lost():
    code = """
import interp.cli.entry as entry, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
class Last:
    def __del__(self):
        raise KeyboardInterrupt
def run():
    Last()
    time.sleep(20)
    print("went on")
entry._run = run
entry.main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (130, "", 1), done.stderr
