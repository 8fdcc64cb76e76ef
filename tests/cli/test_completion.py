"""What a shell is offered: asked as a shell asks, by the completion script's own variables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def asked(*words: str) -> list[str]:
    """The answers behind the last word."""
    given = {"_INTERP_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "interp"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | given,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        (("interp", "va"), ["validate"]),
        (("interp", "sweep", "c"), ["cancel", "collect"]),
        (("interp", "run", "--fr"), ["--fresh"]),
        (("interp", "run", "configs/toy"), ["configs/toy_addition.yaml"]),
        (("interp", "validate", "conf"), ["configs/"]),
        (("interp", "report", "examples/p"), ["examples/plugin/"]),
        (("interp", "task", "i"), ["induction", "ioi"]),
        (("interp", "sweep", "run", "a.yaml", "--executor", "s"), ["slurm"]),
        (("interp", "run", "configs/antonyms_smollm2.yaml", "--set", "share.t"), ["share.target="]),
        (("interp", "run", "configs/none.yaml", "--set", "share.t"), []),
        (("interp", "run", "no_such_folder/"), []),
    ],
)
def test_a_shell_is_offered_what_fits(words, answers):
    assert asked(*words) == answers


def test_the_script_for_a_shell_is_printed():
    given = {"_INTERP_COMPLETE": "source_bash"}
    done = subprocess.run(
        [sys.executable, "-m", "interp"], capture_output=True, text=True, check=True, env=os.environ | given
    )
    assert "complete -o default" in done.stdout
    assert subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=False).returncode == 0
