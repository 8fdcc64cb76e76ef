"""What made the numbers: versions of packages, the project's own commit, and a digest of the code itself."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

PACKAGES = (
    *("interp", "torch", "transformer-lens", "transformers", "numpy", "pandas", "scipy", "matplotlib", "seaborn"),
    *("pydantic", "pyarrow", "safetensors", "gguf", "peft", "accelerate"),
)
DECIDING = ("torch", "transformer-lens", "transformers", "numpy", "pandas", "scipy", "pyarrow")
"""Packages whose version may change a number."""
HERE = Path(__file__).resolve().parent.parent
ONLY_DRAW = ("figures", "report", "words", "cli", "sweep", "publish", "sentences", "catalogue", "methods", "shelf")
"""Rooms and modules that make no number of a run."""


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that decide the numbers, and the commit of the project's own checkout.

    `commit` is None where the code is not run from a checkout of its own, whatever repository the environment lies in.
    """
    known: dict[str, str | None] = {"python": platform.python_version()}
    return known | {package: _version(package) for package in PACKAGES} | {"commit": _own_commit()}


@cache
def code() -> dict[str, str]:
    """What a number depends on beside config and inputs: the digest of this package's code, and versions of others."""
    digest = hashlib.sha256()
    for path in sorted(HERE.rglob("*.py")):
        name = path.relative_to(HERE)
        if not {*name.with_suffix("").parts} & {*ONLY_DRAW}:
            digest.update(f"{name.as_posix()} ".encode() + path.read_bytes())
    return {"the code of interp": digest.hexdigest(), **{package: _version(package) for package in DECIDING}}


def code_of(*things: object) -> dict[str, str]:
    """The same for the modules of objects whose class is not this package's: probes, tasks and metrics of others."""
    digests = {}
    for thing in things:
        module = type(thing).__module__
        source = getattr(sys.modules.get(module), "__file__", None)
        if module.split(".")[0] != HERE.name and source:
            digests[f"the code of {module}"] = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    return digests


def commit_of(package: Path) -> str | None:
    """The commit of the checkout that holds `package` at its top, with +changes; None when it lies in no such checkout."""
    top = _git(package, "rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != package.parent:
        return None
    if not _git(package, "ls-files", "--", "__init__.py"):
        return None  # copied into somebody else's repository
    commit = _git(package, "rev-parse", "HEAD")
    return commit + ("+changes" if _git(package, "status", "--porcelain", "--untracked-files=no") else "") or None


@cache
def _own_commit() -> str | None:
    """Asked once a process, since what runs is what was imported, and git takes longer than a small run."""
    return commit_of(HERE)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _git(folder: Path, *command: str) -> str:
    # A repository that somebody's shell points at is not ours either.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *command],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
