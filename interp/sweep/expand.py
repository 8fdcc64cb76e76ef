"""From a YAML with a `sweep` section to its points: complete configs, all validated before anything runs.

A point is the YAML without the section, with some fields changed. Each is an ordinary run: its config is validated by the
schema of its kind, hashed, and has a folder of its own, `<root>/<name>/points/<point>/<hash>`. Mistakes of all points are
told together, each once, with the points that it concerns.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.configs.loading import AnyConfig, read, set_field, validate_as
from interp.configs.registry import nearest
from interp.errors import Mistakes, UserError, cut, mistakes_of
from interp.results.run_folder import config_hash
from interp.results.sealed import digest_of
from interp.runs.kinds import kind_of
from interp.sweep.config import MOST_POINTS, Levels, SweepConfig

SECTION = "sweep"
Fields = dict[str, Any]
NO_PART_OF_A_RUN = ("name", "title", "question", "output")


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    `labels`: axis -> level; `given`: its YAML as plain data; `hash`: of its resolved config, which names its folder; `group`:
    points that share it share their models, so that one process loads them once; `same`: two points alike in it are one run.
    """

    name: str
    labels: dict[str, str]
    given: Mapping[str, object]
    hash: str
    group: str
    same: str


@dataclass(frozen=True)
class Sweep:
    """A sweep's YAML, read: the run that all points share, the section, the points."""

    path: Path
    text: str
    data: Mapping[str, object]
    overrides: tuple[str, ...]
    config: SweepConfig
    name: str
    root: str
    points: list[Point]

    @property
    def hash(self) -> str:
        """Of what is swept; neither how it is carried out nor where to."""
        return sweep_hash(self.data)


def sweep_hash(data: Mapping[str, object]) -> str:
    """Twelve hex digits of a sweep's YAML, without its executor and its output."""
    return config_hash(swept(data))


def swept(data: Mapping[str, object]) -> dict[str, Any]:
    """A sweep's YAML without its executor, which is no part of what is swept."""
    given = data.get(SECTION)
    section = given if isinstance(given, dict) else {}
    return {**data, SECTION: {key: value for key, value in section.items() if key != "executor"}}


def read_sweep(path: Path, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], str]:
    """(mapping, text) of a YAML that has a `sweep` section; UserError where it has none."""
    data, text = read(path, overrides)
    if SECTION not in data:
        raise UserError(
            f"{path} has no `sweep` section (grid or points), so it is one run: make experiment CONFIG={path}"
        )
    return data, text


def expand(path: Path, overrides: Sequence[str] = ()) -> Sweep:
    """Read a sweep and make all its points; every mistake of every point is told in one UserError."""
    data, text = read_sweep(path, overrides)
    where = str(path)
    base = {key: value for key, value in data.items() if key != SECTION}
    config = _section(data[SECTION], where)
    schema = kind_of(base, where).schema
    name, root = _shared(base, where)
    chosen = list(_chosen(config, schema))
    if not chosen:
        raise UserError(
            f"{where}: sweep: grid and points are empty, so there is nothing to run; give one of them levels"
        )
    points = _validated(base, chosen, schema, where, f"{root}/{name}/points")
    _no_run_twice(points, where)
    _axes_exist(config, points, where)
    return Sweep(path, text, data, tuple(overrides), config, name, root, points)


def _section(section: Any, where: str) -> SweepConfig:
    class _Only(AnyConfig):
        sweep: SweepConfig

    # Validated inside a mapping, so that every mistake is named from the top of the YAML.
    return validate_as(_Only, {"name": "sweep", SECTION: section}, where).sweep


def _shared(base: Mapping[str, object], where: str) -> tuple[str, str]:
    """Name and output.root, which no point may have of its own."""
    given: dict[str, object] = {key: base[key] for key in ("name", "output") if key in base}
    shared = validate_as(AnyConfig, given, where)
    return shared.name, shared.output.root.rstrip("/") or "/"


def _chosen(config: SweepConfig, schema: type[AnyConfig]) -> Iterator[tuple[dict[str, str], Fields]]:
    """(axis -> level, field -> value) of every point."""
    axes = [list(_levels(axis, levels, schema)) for axis, levels in config.grid.items()]
    count = 1
    for levels in axes:
        count *= len(levels)
    if axes and count + len(config.points) > MOST_POINTS:
        raise UserError(f"sweep: the grid has {count:,} points; at most {MOST_POINTS:,} are possible")
    for combined in itertools.product(*axes) if axes else ():
        labels = {axis: level for axis, level, _ in combined}
        yield labels, {field: value for _, _, fields in combined for field, value in fields.items()}
    named = config.points.items() if isinstance(config.points, dict) else enumerate(config.points, 1)
    for number, fields in named:
        if not fields:
            raise UserError(
                f"sweep.points.{number}: sets no field, so it is the YAML itself; set a field or leave it out"
            )
        label = number if isinstance(number, str) else ", ".join(f"{k} {_short(v)}" for k, v in fields.items())
        yield {"point": label}, fields


def _levels(axis: str, levels: Levels, schema: type[AnyConfig]) -> Iterator[tuple[str, str, Fields]]:
    """(axis, level, field -> value) of every level of an axis."""
    is_field = axis.split(".")[0] in schema.model_fields
    if is_field:
        named = levels.items() if isinstance(levels, dict) else zip(_value_names(levels), levels, strict=True)
        for level, value in named:
            yield axis, level, {axis: value}
    elif isinstance(levels, list):
        near = nearest(axis.split(".")[0], schema.model_fields)
        raise UserError(
            f"sweep.grid.{axis}: there is no field {axis!r} ({near}); an axis that is no field needs, by name, fields with values"
        )
    else:
        for level, fields in levels.items():
            if not isinstance(fields, dict) or not fields:
                raise UserError(f"sweep.grid.{axis}.{level}: must be fields with their values, such as {{seed: 3}}")
            yield axis, level, fields


def _value_names(values: list[Any]) -> list[str]:
    """Short names of values: the value itself where it is one word or number, else its place in the list."""
    plain = [_short(value) for value in values]
    usable = len(set(plain)) == len(plain) and "…" not in plain
    return plain if usable else [str(number) for number in range(1, len(values) + 1)]


def _short(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return cut(str(value), 40) if isinstance(value, str | int | float) else "…"


def _validated(
    base: Mapping[str, object],
    chosen: list[tuple[dict[str, str], Fields]],
    schema: type[AnyConfig],
    where: str,
    root: str,
) -> list[Point]:
    names = _point_names([labels for labels, _ in chosen])
    wrong: dict[str, list[str]] = {}
    points = []
    for name, (labels, fields) in zip(names, chosen, strict=True):
        try:
            points.append(_point(base, name, labels, fields, schema, root))
        except UserError as error:
            for clause in mistakes_of(error):
                wrong.setdefault(clause, []).append(name)
    if wrong:
        raise Mistakes(where, [f"{which(concerned, len(chosen))}: {clause}" for clause, concerned in wrong.items()])
    return points


def _point(
    base: Mapping[str, object], name: str, labels: dict[str, str], fields: Fields, schema: type[AnyConfig], root: str
) -> Point:
    given = dict(copy.deepcopy(base))
    for field, value in fields.items():
        if field.split(".")[0] in ("name", "output", "study"):
            raise UserError(f"{field}: is the same for all points of a sweep; leave it out of the points")
        set_field(given, field, copy.deepcopy(value), field)
    words = ", ".join(level if axis == "point" else f"{axis} {level}" for axis, level in labels.items())
    given |= {"name": name, "title": f"{base['title']}: {words}" if base.get("title") else words}
    given["output"] = {"root": root}
    resolved = validate_as(schema, given, name).resolved()
    models = [resolved.get("model"), resolved.get("models")]
    run = {key: value for key, value in resolved.items() if key not in NO_PART_OF_A_RUN}
    return Point(name, labels, given, config_hash(resolved), digest_of(models)[:12], digest_of(run))


def which(concerned: list[str], total: int) -> str:
    """`points a, b and 3 more`."""
    if len(concerned) == total:
        return "all points" if total > 1 else f"point {concerned[0]}"
    shown = ", ".join(concerned[:3])
    return f"point{'s' if len(concerned) > 1 else ''} {shown}" + (
        f" and {len(concerned) - 3} more" if len(concerned) > 3 else ""
    )


def _point_names(labels: list[dict[str, str]]) -> list[str]:
    """Names that folders can have, no two alike even where capitals do not count."""
    taken: set[str] = set()
    names = []
    for levels in labels:
        parts = (
            level if _says_itself(level) else f"{axis.rsplit('.', 1)[-1]}{level}" for axis, level in levels.items()
        )
        base = re.sub(r"[^A-Za-z0-9_-]+", "_", "-".join(parts)).strip("_-")[:80] or "point"
        name, number = base, 2
        while name.lower() in taken:
            name, number = f"{base}-{number}", number + 1
        taken.add(name.lower())
        names.append(name)
    return names


def _says_itself(level: str) -> bool:
    return not re.fullmatch(r"[-+.\deE]*|true|false|null", level)


def _no_run_twice(points: list[Point], where: str) -> None:
    alike: dict[str, list[str]] = {}
    for point in points:
        alike.setdefault(point.same, []).append(point.name)
    twice = [names for names in alike.values() if len(names) > 1]
    if twice:
        raise Mistakes(
            where,
            [
                f"sweep: the points {', '.join(names[:4])}{f' and {len(names) - 4} more' if len(names) > 4 else ''} are the same "
                "run; leave all but one of them out"
                for names in twice
            ],
        )


def _axes_exist(config: SweepConfig, points: list[Point], where: str) -> None:
    axes = {
        axis: {point.labels[axis] for point in points if axis in point.labels}
        for point in points
        for axis in point.labels
    }
    wrong = [
        f"sweep.repeats: there is no axis {axis!r}; {nearest(axis, axes)}"
        for axis in config.repeats or ()
        if axis not in axes
    ]
    if (reference := config.reference) is not None:
        if reference.axis not in axes:
            wrong.append(f"sweep.reference.axis: there is no axis {reference.axis!r}; {nearest(reference.axis, axes)}")
        elif reference.level not in axes[reference.axis]:
            near = nearest(reference.level, axes[reference.axis])
            wrong.append(f"sweep.reference.level: {reference.axis!r} has no level {reference.level!r}; {near}")
    if wrong:
        raise Mistakes(where, wrong)
