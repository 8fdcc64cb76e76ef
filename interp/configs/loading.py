"""From a YAML file to a validated config, whatever its schema; every mistake is one sentence that names the field.

A YAML says with `study` what kind of run it is; each kind has a schema (interp.runs.circuit.config, interp.runs.comparison.config,
interp.sparsify.config, ...) and interp.runs.kinds knows them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, JsonValue, ValidationError

from interp.configs.mistakes import in_words, quoted
from interp.configs.names import FileName
from interp.configs.paths import user_path
from interp.configs.registry import nearest
from interp.configs.section import Section
from interp.configs.yaml_text import plain
from interp.errors import Mistakes, UserError

Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Output(Section):
    """Where the run folder goes: root/name/hash."""

    root: str = Field(default="runs", description="Folder that the run folders lie in.")

    def folder(self) -> Path:
        """The root as a path, `~` expanded."""
        return user_path(self.root, "output.root")


class AnyConfig(Section):
    """What the config of every kind of run has."""

    name: FileName = Field(description="Folder name of the run.")
    title: str = Field(default="", description="Title of the report; empty: the name.")
    question: str = Field(default="", description="The question that the report answers.")
    seed: Seed = Field(default=0, description="Every random choice follows from it: prompts, halves, resamples.")
    output: Output = Field(default=Output(), description="Where the run folder goes.")

    @classmethod
    def misfits(cls, data: dict[str, Any]) -> list[tuple[str, str]]:
        """What is wrong between the fields of a faulty config, where pydantic looks only when every field is right."""
        return []

    def resolved(self) -> dict[str, JsonValue]:
        """The config with every default filled in, as plain data."""
        return self.model_dump(mode="json")


C = TypeVar("C", bound=AnyConfig)


@dataclass(frozen=True)
class LoadedConfig(Generic[C]):
    """A validated config with the text it came from and the overrides that were applied."""

    run: C
    path: Path
    text: str
    overrides: tuple[str, ...]


def read(path: Path, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], str]:
    """(the mapping in a YAML file with overrides applied, the file's text); UserError for everything that is wrong."""
    if not path.is_file():
        near = nearest(path.name, (other.name for other in path.parent.glob("*.yaml"))) if path.parent.is_dir() else ""
        raise UserError(f"there is no config {path}" + (f"; {near}" if near and not near.endswith(": ") else ""))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text in UTF-8 (byte {error.start + 1} is not), so it is no YAML") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    data = parse(text, str(path))
    for given in overrides:
        override(data, given)
    return data, text


def parse(text: str, where: str) -> dict[str, Any]:
    """YAML text to a mapping; UserError for bad syntax, duplicate keys, or anything but a mapping."""
    data = plain(text, where)
    if not isinstance(data, dict):
        raise UserError(f"{where} must be a mapping of settings (`name: ...`), but it is {_kind(data)}")
    return data


def validate_as(schema: type[C], data: Mapping[str, object], where: str) -> C:
    """A mapping to a config; all mistakes are reported in one UserError."""
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        between = [f"{place}: {text}" for place, text in schema.misfits(dict(data))]
        raise Mistakes(where, list(dict.fromkeys([*in_words(error, data, schema), *between]))) from None


def override(data: dict[str, Any], given: str) -> None:
    """Apply one `a.b=c`; UserError for what cannot be read."""
    path, equals, value = given.partition("=")
    shown = quoted(given)
    if not equals or not path:
        raise UserError(f"--set {shown}: write it as key.subkey=value")
    set_field(data, path, plain(value, f"--set {shown}: the value"), f"--set {shown}")


def set_field(data: dict[str, Any], path: str, value: Any, where: str) -> None:
    """Give the field at `a.b.0.c` a value; mappings on the way are made. UserError, begun with `where`, where none can be."""
    *parents, last = path.split(".")
    target: Any = data
    for part in parents:
        target = _child(target, part, where)
    if isinstance(target, list):
        target[_index(target, last, where)] = value
    elif isinstance(target, dict):
        target[last] = value
    else:
        raise UserError(f"{where}: {quoted('.'.join(parents))} is not a mapping")


def _child(target: Any, part: str, where: str) -> Any:
    if isinstance(target, list):
        return target[_index(target, part, where)]
    if isinstance(target, dict):
        return target.setdefault(part, {})
    raise UserError(f"{where}: there is nothing at {quoted(part)}")


def _index(target: list[Any], part: str, where: str) -> int:
    if not (part.isascii() and part.isdigit() and len(part) < 10 and int(part) < len(target)):
        raise UserError(f"{where}: {quoted(part)} is no entry of a list of {len(target)} (counted from 0)")
    return int(part)


def _kind(data: object) -> str:
    return "empty" if data is None else f"a {type(data).__name__}"
