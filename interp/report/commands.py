"""The commands that a report prints: what they reproduce is exactly this run, and nothing else runs when they are pasted."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from interp.configs.paths import shown_path


def run_command(verb: str, config: Path, overrides: Sequence[str]) -> str:
    """`make experiment CONFIG=... SET=...`; the overrides are quoted for the Makefile, and all of it for the shell."""
    return _make(verb, CONFIG=shown_path(config), SET=shlex.join(overrides))


def report_command(folder: str) -> str:
    """`make report RUN=...`."""
    return _make("report", RUN=folder)


def _make(verb: str, **variables: str) -> str:
    # make expands $ in what it is given, the shell afterwards sees no more of it than the quotes let through.
    given = [shlex.quote(f"{name}={value.replace('$', '$$')}") for name, value in variables.items() if value]
    return " ".join(["make", verb, *given])
