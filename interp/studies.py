"""The kinds of run that a YAML can ask for with `study`, and how each is loaded, run and reported.

What a kind needs is imported when it is used, so that `interp --help` and a typo in a YAML are quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from interp.errors import UserError
from interp.lifecycle import report_again
from interp.registry import nearest
from interp.results import reading
from interp.results.run_folder import RunFolder
from interp.yaml_config import AnyConfig, LoadedConfig, read, validate_as


@dataclass(frozen=True)
class StudyKind:
    """One kind of run: what it does, and where its schema, its `run` and what it keeps are."""

    line: str
    schema_at: str
    run_at: str
    kept_at: str

    @property
    def schema(self) -> type[AnyConfig]:
        """The pydantic class of its YAML."""
        return _found(self.schema_at)

    def run(self, config: LoadedConfig[Any], console: Console, fresh: bool = False) -> Path:
        """Run to the report; its path. What is finished is kept, unless `fresh`."""
        return _found(self.run_at)(config, console, fresh)

    def publish(self, folder: RunFolder, console: Console) -> Path:
        """Draw the report of a finished run again; its path."""
        return report_again(folder, _found(self.kept_at), console)


def _kind(line: str, config: str, package: str) -> StudyKind:
    return StudyKind(line, config, f"{package}.run:run", f"{package}.publish:KEPT")


STUDIES = {
    "circuit": _kind("Probes on one model (the default)", "interp.config:RunConfig", "interp"),
    "comparison": _kind(
        "The same probes on two models, paired", "interp.comparison.config:ComparisonConfig", "interp.comparison"
    ),
    "sparsify": _kind("Make a model's attention sparse", "interp.sparsify.config:SparsifyConfig", "interp.sparsify"),
    "toy_addition": _kind("Learn two-digit addition, dense and sparse", "interp.toy.config:ToyConfig", "interp.toy"),
}


def load_any(path: Path, overrides: Sequence[str] = ()) -> tuple[StudyKind, LoadedConfig[Any]]:
    """A YAML of any kind, validated; every mistake is a UserError that names the field."""
    data, text = read(path, overrides)
    kind = study_of(data, str(path))
    return kind, LoadedConfig(validate_as(kind.schema, data, str(path)), path, text, tuple(overrides))


def study_of(data: dict[str, Any], where: str) -> StudyKind:
    """The kind of a config."""
    name = data.get("study", "circuit")
    if not isinstance(name, str) or name not in STUDIES:
        raise UserError(f"{where}: study: there is no {name!r}; {nearest(str(name), list(STUDIES))}")
    return STUDIES[name]


def publish_any(path: Path, console: Console) -> Path:
    """Draw the report of a finished run of any kind again."""
    with RunFolder.existing(path) as folder:
        resolved = reading.read_yaml(folder.path / "config.resolved.yaml")
        return study_of(resolved, str(path)).publish(folder, console)


def _found(place: str) -> Any:
    module, name = place.split(":")
    return getattr(import_module(module), name)
