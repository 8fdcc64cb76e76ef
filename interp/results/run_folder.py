"""The folder of one run: runs/<name>/<config hash>/, written atomically, resumable, never half there.

Every finished probe is a *part*: its effects and findings with a checksum. A part counts only when both files are there
and match, so a run killed at any moment goes on from the parts that are whole.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from ruamel.yaml import YAML

from interp.errors import UserError
from interp.lazy import lazy
from interp.results import atomic

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


PACKAGES = (
    *("interp", "torch", "transformer-lens", "transformers", "numpy", "pandas", "scipy", "matplotlib", "seaborn"),
    *("pydantic", "pyarrow", "safetensors", "gguf", "peft", "accelerate"),
)


def config_hash(resolved: dict[str, Any]) -> str:
    """Twelve hex digits of the resolved config; where the output goes is no part of what the run is."""
    content = {key: value for key, value in resolved.items() if key != "output"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def versions() -> dict[str, str]:
    """Versions of Python, the packages that decide the numbers, and the commit of a checkout."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "missing"
    commit = _git("rev-parse", "HEAD")
    if commit:
        found["commit"] = commit + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")
    return found


class RunFolder:
    """Open a folder with `open` (a config's) or `existing` (a finished run's); a context manager that holds its lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path / ".lock", timeout=0)

    @classmethod
    def open(cls, root: Path, name: str, resolved: dict[str, Any], given: str) -> RunFolder:
        """The folder of a config, made when it is missing.

        Raises UserError when it cannot be written or holds the run of another config.
        """
        return cls.at(root / name / config_hash(resolved), resolved, given)

    @classmethod
    def at(cls, path: Path, resolved: dict[str, Any], given: str) -> RunFolder:
        """The same at a place of its own, for runs that are part of another."""
        with atomic.mendable(path):
            path.mkdir(parents=True, exist_ok=True)
        kept = path / "config.resolved.yaml"
        if kept.is_file():
            before = YAML(typ="safe").load(kept)
            if not isinstance(before, dict) or config_hash(before) != config_hash(resolved):
                raise UserError(
                    f"{path} holds the run of another config; move that folder away or choose another output.root"
                )
        else:
            atomic.write_text(path / "config.yaml", given)
            _write_yaml(kept, resolved)
        return cls(path)

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """The folder of a run that is there; UserError when it is none."""
        if not (path / "config.resolved.yaml").is_file():
            raise UserError(f"{path} is no run folder: config.resolved.yaml is missing")
        return cls(path)

    def __enter__(self) -> RunFolder:
        with atomic.mendable(self.path):
            try:
                self._lock.acquire()
            except Timeout:  # an OSError too, so it is caught first
                raise UserError(f"another process is writing to {self.path}; wait for it to end") from None
        for leftover in self.path.rglob(f"*{atomic.TEMPORARY}"):
            leftover.unlink()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def manifest(self) -> dict[str, Any]:
        """What manifest.json says; empty when there is none yet."""
        path = self.path / "manifest.json"
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            return {}

    def write_manifest(self, facts: dict[str, Any]) -> None:
        """Write the manifest: versions and the given facts."""
        atomic.write_json(self.path / "manifest.json", {"versions": versions(), **facts})

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table into the folder."""
        atomic.write_table(self.path / name, table)

    def write_json(self, name: str, data: Any) -> None:
        """Write JSON into the folder."""
        atomic.write_json(self.path / name, data)

    def has(self, label: str) -> bool:
        """Whether the part is there, whole."""
        table, notes = self._part(label)
        try:
            kept = json.loads(notes.read_text(encoding="utf-8"))
            return bool(kept["sha256"] == hashlib.sha256(table.read_bytes()).hexdigest())
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def save_part(self, label: str, effects: pd.DataFrame, findings: dict[str, Any]) -> None:
        """Keep a finished probe. The notes are written last: without them the part does not count."""
        table, notes = self._part(label)
        atomic.write_table(table, effects)
        digest = hashlib.sha256(table.read_bytes()).hexdigest()
        atomic.write_json(notes, {"sha256": digest, "findings": findings})

    def load_part(self, label: str) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Effects and findings of a finished probe."""
        table, notes = self._part(label)
        return pd.read_parquet(table), dict(json.loads(notes.read_text(encoding="utf-8"))["findings"])

    def _part(self, label: str) -> tuple[Path, Path]:
        return self.path / "parts" / f"{label}.parquet", self.path / "parts" / f"{label}.json"


@contextmanager
def marked(folder: RunFolder, manifest: dict[str, Any]) -> Iterator[None]:
    """Say in the manifest how the run ended when it did not finish."""
    try:
        yield
    except KeyboardInterrupt:
        folder.write_manifest({**manifest, "status": "interrupted"})
        raise
    except Exception as error:
        folder.write_manifest({**manifest, "status": "failed", "error": str(error)})
        raise


def _write_yaml(path: Path, data: dict[str, Any]) -> None:
    text = io.StringIO()
    writer = YAML()
    writer.default_flow_style = False
    writer.dump(data, text)
    atomic.write_text(path, text.getvalue())


def _git(*command: str) -> str:
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "-C", str(here), *command], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
