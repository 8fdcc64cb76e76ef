"""Sweeps that take no model, and the command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TOP = HERE.parents[1]

YAML = """
study: counting
name: small
log: {folder}/log
seconds: {seconds}
output: {{root: {folder}/runs}}
sweep:
  grid: {grid}
"""


def write_sweep(
    folder: Path, grid: str = "{seed: [0, 1, 2], model: [one, two]}", seconds: float = 0.0, more: str = ""
) -> Path:
    """The YAML of a sweep of the kind `counting`, by default of six points."""
    path = folder / "sweep.yaml"
    path.write_text(YAML.format(folder=folder, grid=grid, seconds=seconds) + more)
    return path


def environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join([str(HERE / "plugin"), str(TOP), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "200", **more}


def begin(*arguments: object, **more: str) -> subprocess.Popen[str]:
    """`interp sweep ...`, not waited for."""
    command = [sys.executable, "-m", "interp", "sweep", *map(str, arguments)]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=environment(**more), **piped)


def sweep(*arguments: object, **more: str) -> tuple[int, str]:
    """(exit code, what was printed) of `interp sweep ...`."""
    running = begin(*arguments, **more)
    said = running.communicate(timeout=240)[0]
    return running.returncode, said


def go(folder: Path) -> None:
    """Let no point wait any longer, whatever its seconds."""
    (folder / "log.go").touch()


def done(folder: Path) -> list[str]:
    """The points that were carried out to their end, sorted; one that was done twice stands twice."""
    log = folder / "log"
    return sorted(line.split()[0] for line in log.read_text().splitlines()) if log.exists() else []


SIX = sorted(f"seed{seed}-{model}" for seed in range(3) for model in ("one", "two"))
