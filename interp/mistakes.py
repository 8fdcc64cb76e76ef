"""Mistakes in a YAML as clauses: the field, what is wrong, and what would be right, in a YAML's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from interp.registry import nearest

WORDS = {
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
}


def in_words(error: ValidationError, data: Any, schema: type[BaseModel]) -> str:
    """The first three mistakes that pydantic found in `data`, as one sentence."""
    return "; ".join(_describe(one, data, schema) for one in _told_once(error.errors(), data)[:3])


def truths_as_numbers(given: Any, resolved: Any, place: str = "") -> Iterator[tuple[str, bool]]:
    """(place, value) of every true and false that pydantic has read as 1 and 0."""
    if isinstance(given, dict) and isinstance(resolved, dict):
        for key, value in given.items():
            yield from truths_as_numbers(value, resolved.get(key), f"{place}.{key}" if place else str(key))
    elif isinstance(given, list) and isinstance(resolved, list):
        for number, (one, other) in enumerate(zip(given, resolved, strict=False)):
            yield from truths_as_numbers(one, other, f"{place}.{number}")
    elif isinstance(given, bool) and isinstance(resolved, int | float) and not isinstance(resolved, bool):
        yield place, given


def _place(error: Any, data: Any) -> str:
    """The path of a mistake in the YAML: pydantic also names the branches of unions that it tried."""
    parts: list[str] = []
    *inner, last = error["loc"] or [""]
    for part in [*inner, last]:
        inside = part in data if isinstance(data, dict) else isinstance(part, int) and isinstance(data, list)
        if inside or (part == last and error["type"] == "missing"):
            parts.append(str(part))
            data = data[part] if inside and not (isinstance(data, list) and part >= len(data)) else None
    return ".".join(parts)


def _told_once(errors: list[Any], data: Any) -> list[Any]:
    """The mistakes without those that only follow from others.

    A list whose entry failed also counts as too short, and a value that may be two things fails as both: what went
    deeper, or the last alternative, says more than "should be 'all'".
    """
    kept: list[Any] = []
    for error in errors:
        if error["type"] == "too_short" and error["ctx"]["actual_length"] < len(error["input"]):
            continue
        place = _place(error, data)
        literal = error["type"] == "literal_error" and any(
            other is not error and _place(other, data).startswith(place) for other in errors
        )
        if not literal and place not in [_place(one, data) for one in kept]:
            kept.append(error)
    return kept


def _describe(error: Any, data: Any, config: type[BaseModel]) -> str:
    """One validation error as a clause: the field, what is wrong, what would be right."""
    place = _place(error, data)
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
    if kind == "too_short":
        least, has = error["ctx"]["min_length"], error["ctx"]["actual_length"]
        return f"{place}: must have at least {least} {'entry' if least == 1 else 'entries'}, but it has {has}"
    if kind == "value_error":
        # What concerns several fields has no place, and names them itself.
        return f"{place}: {error['ctx']['error']}" if place else str(error["ctx"]["error"])
    if kind in WORDS:
        return f"{place}: {WORDS[kind]}, not {given!r}"
    message = str(error["msg"]).replace("Input should", "must").replace("String should", "must")
    return f"{place}: {message[0].lower()}{message[1:]}, not {given!r}"


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
