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
from ruamel.yaml import YAML

from interp.errors import UserError
from interp.registry import nearest
from interp.results.run_folder import RunFolder
from interp.yaml_config import AnyConfig, LoadedConfig, read, validate_as


@dataclass(frozen=True)
class StudyKind:
    """One kind of run: what it does, and where its schema, `run` and `publish` are."""

    line: str
    schema_at: str
    run_at: str
    publish_at: str

    @property
    def schema(self) -> type[AnyConfig]:
        """The pydantic class of its YAML."""
        return _found(self.schema_at)

    def run(self, config: LoadedConfig[Any], console: Console) -> Path:
        """Run to the report; its path."""
        return _found(self.run_at)(config, console)

    def publish(self, folder: RunFolder, console: Console) -> Path:
        """Draw the report of a finished run again; its path."""
        return _found(self.publish_at)(folder, console)


def _kind(line: str, config: str, package: str) -> StudyKind:
    return StudyKind(line, config, f"{package}.run:run", f"{package}.publish:publish")


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
        resolved = YAML(typ="safe").load(folder.path / "config.resolved.yaml")
        return study_of(resolved, str(path)).publish(folder, console)


def _found(place: str) -> Any:
    module, name = place.split(":")
    return getattr(import_module(module), name)
