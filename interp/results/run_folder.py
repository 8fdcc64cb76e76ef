"""The folder of one run: runs/<name>/<config hash>/, written atomically, resumable, never half there.

Nothing is written before the folder's lock is held. The manifest of a finished run holds the digest of every table, so
a table that is missing, cut, or another run's is found out, and made again from the parts (interp.results.parts).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from pydantic import JsonValue, ValidationError
from ruamel.yaml import YAML

from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.results import atomic, effects_file, reading, sealed
from interp.results.manifest import Manifest
from interp.results.parts import Part, Parts, table_name
from interp.results.versions import versions

if TYPE_CHECKING:
    import pandas as pd

else:
    pd = lazy("pandas")

RESOLVED, GIVEN, MANIFEST = "config.resolved.yaml", "config.yaml", "manifest.json"


def config_hash(resolved: dict[str, JsonValue]) -> str:
    """Twelve hex digits of the resolved config; where the output goes is no part of what the run is."""
    content = {key: value for key, value in resolved.items() if key != "output"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


class RunFolder:
    """Open a folder with `open` (a config's) or `existing` (a finished run's); a context manager that holds its lock."""

    def __init__(self, path: Path, resolved: dict[str, JsonValue] | None = None, given: str = "") -> None:
        self.path = path
        self.parts = Parts(path)
        self._resolved, self._given = resolved, given
        self._lock = FileLock(path / ".lock", timeout=0)

    @classmethod
    def open(cls, root: Path, name: str, resolved: dict[str, JsonValue], given: str) -> RunFolder:
        """The folder of a config, made when it is missing.

        Raises UserError when it cannot be written or holds the run of another config.
        """
        return cls.at(root / name / config_hash(resolved), resolved, given)

    @classmethod
    def at(cls, path: Path, resolved: dict[str, JsonValue], given: str) -> RunFolder:
        """The same at a place of its own, for runs that are part of another."""
        with atomic.mendable(path):
            path.mkdir(parents=True, exist_ok=True)
        folder = cls(path, resolved, given)
        folder._holds_this_config()
        return folder

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """The folder of a run that is there: runs/NAME/HASH, or runs/NAME where it holds one run.

        UserError when it holds none, or several.
        """
        if (path / RESOLVED).is_file():
            return cls(path)
        inside = sorted(resolved.parent for resolved in path.glob(f"*/{RESOLVED}"))
        if len(inside) == 1:
            return cls(inside[0])
        if inside:
            raise UserError(f"{path} holds {len(inside)} runs, say which: {', '.join(run.name for run in inside)}")
        raise UserError(f"{path} is no run folder: {RESOLVED} is missing")

    def __enter__(self) -> RunFolder:
        with atomic.mendable(self.path):
            if (self.path / ".lock").is_symlink():
                raise UserError(
                    f"{self.path / '.lock'} is a symbolic link; remove it, a run writes only into its folder"
                )
            try:
                self._lock.acquire()
            except Timeout:  # an OSError too, so it is caught first
                raise UserError(f"another process is writing to {self.path}; wait for it to end") from None
        try:
            with atomic.mendable(self.path):
                self._clean_up()
            if self._resolved is not None:
                self._keep_config(self._resolved)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    @property
    def config_hash(self) -> str:
        """The hash of the config that this is a run of; Damaged when the folder does not say it."""
        return config_hash(self._resolved or reading.read_yaml(self.path / RESOLVED))

    def manifest(self) -> Manifest:
        """What manifest.json says; nothing when it is missing, damaged, changed by hand, or another run's."""
        try:
            said = Manifest.model_validate(sealed.read(self.path / MANIFEST))
            return said if said.config_hash in (None, self.config_hash) else Manifest()
        except (reading.Damaged, ValidationError):
            return Manifest()

    def write_manifest(self, said: Manifest, /, **more: Any) -> None:
        """Write the manifest, with the versions of now and what else is to be said."""
        whole = Manifest.model_validate({**said.plain(), "versions": versions(), **more})
        sealed.write(self.path / MANIFEST, whole.plain())

    def finish(self, said: Manifest, tables: Iterable[str], /, **more: Any) -> None:
        """Write the manifest of a run that has ended well, with the digests of its tables."""
        digests = {name: sealed.digest_of_file(self.path / name) for name in tables}
        self.write_manifest(said, **{**more, "status": "finished", "tables": digests})

    @property
    def finished(self) -> bool:
        """Whether the manifest says that the run has ended well."""
        return self.manifest().status == "finished"

    def damaged(self) -> list[str]:
        """The tables of a finished run that are not there as they were written."""
        kept = self.manifest().tables
        return [name for name, digest in kept.items() if sealed.digest_of_file(self.path / name) != digest]

    def clear(self, leaves: Iterable[str]) -> None:
        """Remove what a run of this kind leaves behind. First what makes it count, so a kill leaves no half of it."""
        with atomic.mendable(self.path):
            for name in (MANIFEST, "parts", "figures", "report.md", "report.html", *leaves):
                place = self.path / name
                if place.is_dir() and not place.is_symlink():
                    shutil.rmtree(place)
                else:
                    place.unlink(missing_ok=True)

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table into the folder."""
        atomic.write_table(self.path / name, table)

    def write_json(self, name: str, data: Any) -> None:
        """Write JSON into the folder."""
        atomic.write_json(self.path / name, data)

    def has(self, label: str) -> bool:
        """Whether the part is there, whole."""
        return self.parts.read(label) is not None

    def save_part(
        self,
        label: str,
        effects: pd.DataFrame | None,
        findings: Mapping[str, object],
        made_from: Mapping[str, str] | None = None,
        cost: Mapping[str, Any] | None = None,
        builds_on: Mapping[str, str] | None = None,
    ) -> None:
        """Keep a finished piece that is a table with findings; see interp.results.parts for what else is kept.

        `effects` is None where `write_effects` has written them.
        """
        name = table_name(label)
        if effects is not None:
            self.write_table(name, effects)
        self.parts.save(label, findings, made_from or {}, [name], cost, builds_on)

    def write_effects(self, label: str, frames: Iterable[pd.DataFrame]) -> None:
        """Write the effects of a probe as they are made; they count from `save_part`."""
        effects_file.write(self.path / table_name(label), frames)

    def effects(self, label: str) -> pd.DataFrame:
        """The effects of a probe, compact (interp.results.columns.HELD); Damaged when they cannot be read."""
        path = self.path / table_name(label)
        with reading.guarded(path):
            return effects_file.read(path)

    def write_effects_of(self, labels: Sequence[str]) -> None:
        """Write effects.parquet: the effects of the probes, one after another."""
        parts = (frame for label in labels for frame in effects_file.frames(self.path / table_name(label)))
        effects_file.write(self.path / "effects.parquet", parts)

    def whole_part(self, label: str) -> Part:
        """A part, whatever it was made from; Damaged when it is missing or not whole."""
        part = self.parts.read(label)
        if part is None:
            raise reading.Damaged(f"{self.path}: the part {label!r} is missing or damaged")
        return part

    def load_part(self, label: str) -> tuple[pd.DataFrame, Mapping[str, object]]:
        """Table and findings of a part."""
        return self.parts.table(label), self.whole_part(label).findings

    def _holds_this_config(self) -> bool:
        """Whether the folder says which config it belongs to; UserError when that is another one."""
        try:
            before = reading.read_yaml(self.path / RESOLVED)
        except reading.Damaged:
            return False
        if config_hash(before) != config_hash(self._resolved or {}):
            raise UserError(
                f"{self.path} holds the run of another config; move that folder away or choose another output.root"
            )
        return True

    def _keep_config(self, resolved: dict[str, JsonValue]) -> None:
        if not self._holds_this_config():
            atomic.write_text(self.path / GIVEN, self._given)
            _write_yaml(self.path / RESOLVED, resolved)

    def _clean_up(self) -> None:
        """Remove what a killed process left half written; UserError for a way out of the folder."""
        for place, folders, files in os.walk(self.path):
            for name in folders:
                if (link := Path(place, name)).is_symlink():
                    raise UserError(f"{link} is a symbolic link; remove it, a run writes only into its own folder")
            for name in files:
                if name.endswith(atomic.TEMPORARY):
                    Path(place, name).unlink()


def _write_yaml(path: Path, data: dict[str, JsonValue]) -> None:
    text = io.StringIO()
    writer = YAML()
    writer.default_flow_style = False
    writer.dump(data, text)
    atomic.write_text(path, text.getvalue())
