"""The schema of one run: everything that a YAML can say, with errors that name the field.

One file says everything about a run. `load` reads it, applies `--set a.b=c` overrides, and validates; the resolved
config, defaults filled in, is saved beside the results and its hash names the run's folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from interp.errors import UserError
from interp.experiment import Experiment, experiments
from interp.figures.base import Figure, figures
from interp.metrics import LogitDiff, Metric, metrics
from interp.models import ModelConfig
from interp.probes import Probe, probes
from interp.prompts.config import PromptsConfig
from interp.registry import load_plugins, nearest

# The schema is the union of all registered kinds, so packages that add some come first.
load_plugins()
AnyExperiment = Annotated[Experiment, experiments]
AnyFigure = Annotated[Figure, figures]
AnyMetric = Annotated[Metric, metrics]
AnyProbe = Annotated[Probe, probes]


class Section(BaseModel):
    """A mapping of the YAML that knows all its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Share(Section):
    """What "these heads carry 80 %" means (method.md section 4); all three definitions are always computed."""

    target: float = Field(default=0.8, gt=0, le=1, description="The share to account for.")
    definition: Literal["joint", "absolute", "net"] = Field(
        default="joint", description="The definition that selects heads and is printed on figures."
    )


class StatisticsConfig(Section):
    """Bootstrap intervals, clustered by word pair."""

    confidence: float = Field(default=0.95, gt=0, lt=1)
    n_resamples: int = Field(default=2000, ge=100)


class Compute(Section):
    """What the run may use. Results that are equal byte for byte need these equal."""

    memory_gb: float = Field(
        default=0.1, gt=0, description="For the activations of one batch; decides its size. More pays on a GPU only."
    )
    threads: int | None = Field(default=None, ge=1, description="CPU threads of torch; null leaves its default.")


class Output(Section):
    """Where the run folder goes: root/name/hash."""

    root: str = "runs"


class RunConfig(Section):
    """One run."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$", description="Folder name of the run.")
    title: str = ""
    question: str = Field(default="", description="The question that the report answers.")
    seed: int = Field(default=0, ge=0)
    model: ModelConfig
    prompts: PromptsConfig = PromptsConfig()
    metric: AnyMetric = LogitDiff()
    share: Share = Share()
    statistics: StatisticsConfig = StatisticsConfig()
    probes: tuple[AnyProbe, ...] = Field(min_length=1)
    experiment: AnyExperiment | None = Field(
        default=None, description="The recipe that writes the report's sentences; null: a plain report of the figures."
    )
    figures: tuple[AnyFigure, ...] = ()
    compute: Compute = Compute()
    output: Output = Output()

    @model_validator(mode="after")
    def _labels_differ(self) -> RunConfig:
        labels = [probe.label for probe in self.probes]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"two probes are called {label!r}; give one of them another `name`")
        return self

    def resolved(self) -> dict[str, Any]:
        """The config with every default filled in, as plain data."""
        return self.model_dump(mode="json")


@dataclass(frozen=True)
class LoadedConfig:
    """A validated config with the text it came from and the overrides that were applied."""

    run: RunConfig
    path: Path
    text: str
    overrides: tuple[str, ...]


def load(path: Path, overrides: Sequence[str] = ()) -> LoadedConfig:
    """Read and validate a config; every mistake is a UserError that names the field and what would be right."""
    if not path.is_file():
        near = nearest(path.name, (other.name for other in path.parent.glob("*.yaml"))) if path.parent.is_dir() else ""
        raise UserError(f"there is no config {path}" + (f"; {near}" if near and not near.endswith(": ") else ""))
    text = path.read_text(encoding="utf-8")
    data = parse(text, str(path))
    for override in overrides:
        _override(data, override)
    return LoadedConfig(validate(data, str(path)), path, text, tuple(overrides))


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


def validate(data: dict[str, Any], where: str) -> RunConfig:
    """A mapping to a RunConfig; the first mistakes are reported in one UserError."""
    try:
        return RunConfig.model_validate(data)
    except ValidationError as error:
        # A list whose entry failed also counts as too short; that is no mistake of its own.
        found = [one for one in error.errors() if one["type"] != "too_short" or len(error.errors()) == 1]
        raise UserError(f"{where}: " + "; ".join(_describe(one) for one in found[:3])) from None


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


def _describe(error: Any) -> str:
    """One validation error as a clause: the field, what is wrong, what would be right."""
    place = ".".join(str(part) for part in error["loc"]) or "config"
    given, kind = error.get("input"), error["type"]
    if kind == "extra_forbidden":
        return f"{place}: unknown key; {nearest(str(error['loc'][-1]), _siblings(error['loc']))}"
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


def _siblings(place: Sequence[Any]) -> list[str]:
    """The keys that are valid where an unknown key was found, read off the JSON schema."""
    schema = RunConfig.model_json_schema()

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
