"""From a YAML file to a validated config, whatever its schema; every mistake is one sentence that names the field.

A YAML says with `study` what kind of run it is; each kind has a schema (interp.config, interp.comparison.config,
interp.sparsify.config, ...) and interp.studies knows them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from interp.errors import UserError
from interp.registry import nearest


class Section(BaseModel):
    """A mapping of the YAML that knows all its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Output(Section):
    """Where the run folder goes: root/name/hash."""

    root: str = "runs"


class AnyConfig(Section):
    """What the config of every kind of run has."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$", description="Folder name of the run.")
    title: str = ""
    question: str = Field(default="", description="The question that the report answers.")
    seed: int = Field(default=0, ge=0)
    output: Output = Output()

    def resolved(self) -> dict[str, Any]:
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
    text = path.read_text(encoding="utf-8")
    data = parse(text, str(path))
    for override in overrides:
        _override(data, override)
    return data, text


def parse(text: str, where: str) -> dict[str, Any]:
    """YAML text to a mapping; UserError for bad syntax, duplicate keys, or anything but a mapping."""
    try:
        data = YAML(typ="safe").load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UserError(f"{where}, line {line}: {(error.problem or 'duplicate key').split(' with value')[0]}") from None
    except YAMLError as error:
        problem = " ".join(str(error).split())
        raise UserError(f"{where} is not valid YAML: {problem}") from None
    if not isinstance(data, dict):
        raise UserError(f"{where} must be a mapping of settings (`name: ...`), but it is {_kind(data)}")
    return data


def validate_as(schema: type[C], data: dict[str, Any], where: str) -> C:
    """A mapping to a config; the first mistakes are reported in one UserError."""
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        # A list whose entry failed also counts as too short; that is no mistake of its own.
        found = [one for one in error.errors() if one["type"] != "too_short" or len(error.errors()) == 1]
        raise UserError(f"{where}: " + "; ".join(_describe(one, schema) for one in found[:3])) from None


def _override(data: dict[str, Any], override: str) -> None:
    path, equals, value = override.partition("=")
    if not equals or not path:
        raise UserError(f"--set {override!r}: write it as key.subkey=value")
    try:
        parsed = YAML(typ="safe").load(value)
    except YAMLError:
        raise UserError(f"--set {override!r}: the value is not valid YAML") from None
    *parents, last = path.split(".")
    target: Any = data
    for part in parents:
        target = _child(target, part, override)
    if isinstance(target, list):
        target[_index(target, last, override)] = parsed
    elif isinstance(target, dict):
        target[last] = parsed
    else:
        raise UserError(f"--set {override!r}: {'.'.join(parents)} is not a mapping")


def _child(target: Any, part: str, override: str) -> Any:
    if isinstance(target, list):
        return target[_index(target, part, override)]
    if isinstance(target, dict):
        return target.setdefault(part, {})
    raise UserError(f"--set {override!r}: there is nothing at {part!r}")


def _index(target: list[Any], part: str, override: str) -> int:
    if not part.isdigit() or int(part) >= len(target):
        raise UserError(f"--set {override!r}: {part!r} is no entry of a list of {len(target)} (counted from 0)")
    return int(part)


def _describe(error: Any, config: type[BaseModel]) -> str:
    """One validation error as a clause: the field, what is wrong, what would be right."""
    place = ".".join(str(part) for part in error["loc"]) or "config"
    given, kind = error.get("input"), error["type"]
    if kind == "extra_forbidden":
        return f"{place}: unknown key; {nearest(str(error['loc'][-1]), _siblings(error['loc'], config))}"
    if kind == "union_tag_invalid":
        tags = [tag.strip(" '") for tag in error["ctx"]["expected_tags"].split(",")]
        return f"{place}: there is no {error['ctx']['tag']!r}; {nearest(error['ctx']['tag'], tags)}"
    if kind == "union_tag_not_found":
        return f"{place}: the key {error['ctx']['discriminator'].strip(chr(39))} is missing"
    if kind == "missing":
        return f"{place}: this key is missing"
    if kind == "value_error":
        return f"{place}: {error['ctx']['error']}"
    return f"{place}: {error['msg'][0].lower()}{error['msg'][1:]}, not {given!r}"


def _siblings(place: Sequence[Any], config: type[BaseModel]) -> list[str]:
    """The keys that are valid where an unknown key was found, read off the JSON schema."""
    schema = config.model_json_schema()

    def resolve(node: dict[str, Any]) -> dict[str, Any]:
        return schema["$defs"][node["$ref"].rsplit("/", 1)[-1]] if "$ref" in node else node

    def step(node: dict[str, Any], part: Any) -> dict[str, Any] | None:
        node = resolve(node)
        if part in node.get("properties", {}):
            return resolve(node["properties"][part])
        if part in node.get("discriminator", {}).get("mapping", {}):
            return resolve({"$ref": node["discriminator"]["mapping"][part]})
        if isinstance(part, int) and "items" in node:
            return resolve(node["items"])
        inner = [*node.get("anyOf", ()), *node.get("oneOf", ()), *filter(None, [node.get("additionalProperties")])]
        found = (step(one, part) for one in inner if isinstance(one, dict))
        return next((one for one in found if one is not None), None)

    node: dict[str, Any] | None = schema
    for part in place[:-1]:
        node = step(node, part) if node is not None else None
    while node is not None and "properties" not in node and "anyOf" in node:
        node = resolve(node["anyOf"][0])
    return list((node or {}).get("properties", {}))


def _kind(data: object) -> str:
    return "empty" if data is None else f"a {type(data).__name__}"
