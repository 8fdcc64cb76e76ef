"""The JSON Schema of a kind's YAML, with the `sweep` section: for editors, which then complete a study, too."""

from __future__ import annotations

import copy

from pydantic.json_schema import JsonSchemaValue

from interp.sweep.config import SweepConfig

OF_ALL = ("name", "title", "question", "output", "study")
"""Fields that no axis varies."""
VALUE = "ValueOf_"
FIELDS = {"type": "object", "description": "Fields, by their paths, with their values.", "minProperties": 1}


def with_sweep(schema: JsonSchemaValue) -> JsonSchemaValue:
    """A kind's schema that takes a sweep, too: of a sweep, a field may be given by an axis instead of by the YAML itself."""
    made = copy.deepcopy(schema)
    own = SweepConfig.model_json_schema()
    definitions = own.pop("$defs")
    varied = {name: field for name, field in made["properties"].items() if name not in OF_ALL}
    values = {f"{VALUE}{name}": _value(field) for name, field in varied.items()}
    made.setdefault("$defs", {}).update({**definitions, **values, "SweepConfig": _of_fields(own, varied)})
    made["properties"]["sweep"] = {
        "$ref": "#/$defs/SweepConfig",
        "description": "Many runs: every combination of the grid's levels, and points besides (docs/sweeps.md).",
    }
    alone = made.pop("required", [])
    made |= {
        "if": {"required": ["sweep"]},
        "then": {"required": ["name"]},
        "else": {"required": alone},
    }
    return made


def _of_fields(own: JsonSchemaValue, fields: JsonSchemaValue) -> JsonSchemaValue:
    """The section's schema, in which an axis of the kind's own fields takes their values."""
    grid = own["properties"]["grid"]
    grid["properties"] = {name: _levels(name, field) for name, field in fields.items()}
    grid["additionalProperties"] = {
        "description": "An axis: by a path (`probes.0.source`), values; by a name of its own, levels that set fields.",
        "anyOf": [{"type": "array", "minItems": 1}, {"type": "object", "minProperties": 1}],
    }
    point = FIELDS | {"properties": {name: _reference(name) for name in fields}}
    own["properties"]["points"]["anyOf"] = [
        {"type": "array", "items": point},
        {"type": "object", "additionalProperties": point},
    ]
    return own


def _levels(name: str, field: JsonSchemaValue) -> JsonSchemaValue:
    """Of an axis that is a field: its values, in a list or by name."""
    value = _reference(name)
    return {
        "description": f"Values, in a list or by name. {field.get('description', '')}".strip(),
        "anyOf": [
            {"type": "array", "minItems": 1, "items": value},
            {"type": "object", "minProperties": 1, "additionalProperties": value},
        ],
    }


def _reference(name: str) -> JsonSchemaValue:
    return {"$ref": f"#/$defs/{VALUE}{name}"}


def _value(field: JsonSchemaValue) -> JsonSchemaValue:
    return {key: part for key, part in field.items() if key != "default"}
