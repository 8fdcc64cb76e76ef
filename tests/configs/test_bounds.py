"""Numbers of a YAML: every one, in every section of every kind of run and of every registered class, has two bounds."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from interp.configs.section import Section
from interp.runs.kinds import run_kinds

SCHEMAS = {name: run_kinds[name].schema.model_json_schema() for name in run_kinds}


def sections(base=Section):
    for cls in base.__subclasses__():
        if cls.__module__.startswith(("interp.", "experiments.")):
            yield cls
        yield from sections(cls)


def kinds(annotation):
    return {annotation}.union(*map(kinds, get_args(annotation)))


NUMERIC = {
    f"{cls.__name__}.{name}": (cls, name)
    for cls in sections()
    for name, field in cls.model_fields.items()
    if kinds(field.annotation) & {int, float}
}


def nodes(schema):
    yield schema
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for inner in schema.get(key, ()):
            yield from nodes(inner)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key])


def wrong_fields(cls, data):
    try:
        cls.model_validate(data)
    except ValidationError as error:
        return {one["loc"][0] for one in error.errors() if one["loc"]}
    return set()


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_number_of_the_schema_has_a_lower_and_an_upper_bound(name):
    schema = SCHEMAS[name]
    open_ended = [
        f"{title}.{field}"
        for title, section in [(name, schema), *schema.get("$defs", {}).items()]
        for field, found in section.get("properties", {}).items()
        for node in nodes(found)
        if node.get("type") in ("integer", "number") and not {"const", "enum"} & set(node)
        if not ({"minimum", "exclusiveMinimum"} & set(node) and {"maximum", "exclusiveMaximum"} & set(node))
    ]
    assert not open_ended


@pytest.mark.parametrize("field", NUMERIC)
@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 1e300, -(10**400), 2**64, True])
def test_no_field_takes_what_is_no_number_of_its_size(field, value):
    cls, name = NUMERIC[field]
    for given in (value, [value]):
        assert name in wrong_fields(cls, {name: given})


@pytest.mark.parametrize("field", NUMERIC)
def test_every_default_is_within_its_bounds(field):
    cls, name = NUMERIC[field]
    default = cls.model_fields[name].get_default(call_default_factory=True)
    if default is PydanticUndefined:
        pytest.skip("has none")
    given = list(default) if isinstance(default, tuple) else default
    assert name not in wrong_fields(cls, {name: given})
