"""Mistakes in a YAML as clauses: the field, what is wrong, and what would be right, in a YAML's words."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import ErrorDetails

from interp.configs.registry import nearest
from interp.errors import cut

WORDS = {
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "invalid_key": "must be text",
}


class Several(ValueError):
    """Mistakes that concern several fields of a section, each with the place at which it can be mended."""

    def __init__(self, mistakes: Sequence[tuple[str, str]]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("; ".join(f"{place}: {text}" for place, text in mistakes))


def in_words(error: ValidationError, data: Any, schema: type[BaseModel]) -> list[str]:
    """All mistakes that pydantic found in `data`, a clause each that begins with its path."""
    told = _told_once(error.errors(include_url=False), data)
    return [clause for mistake in told for clause in _describe(mistake, data, schema)]


def quoted(value: object) -> str:
    """A value of a YAML as it can be quoted in a sentence, however long or nested it is."""
    return cut(re.sub(r"\s*\n\s*", " ", QUOTE.repr(value)), 160)


QUOTE = reprlib.Repr()
QUOTE.maxstring = QUOTE.maxother = QUOTE.maxlong = 100
QUOTE.maxlevel = 3


def _place(error: Any, data: Any) -> str:
    """The path of a mistake in the YAML: pydantic also names the branches of unions that it tried."""
    parts: list[str] = []
    *inner, last = error["loc"] or [""]
    for part in [*inner, last]:
        inside = part in data if isinstance(data, dict) else isinstance(part, int) and isinstance(data, list)
        if inside or (part == last and error["type"] == "missing"):
            parts.append(_key(part))
            data = data[part] if inside and not (isinstance(data, list) and part >= len(data)) else None
    return ".".join(parts)


def _key(part: Any) -> str:
    """A key of a YAML as it stands in a path; line breaks, and blanks at its ends, can only be seen in quotes."""
    text = str(part)
    return cut(text if text.isprintable() and text == text.strip() and text else repr(text), 80)


def _told_once(errors: list[ErrorDetails], data: Any) -> list[ErrorDetails]:
    """The mistakes without those that only follow from others.

    A list whose entry failed also counts as too short, and a value that may be several things fails as each of them: where
    another mistake shows that it is one of them, only that mistake is told, else all that it may be.
    """
    kept: dict[str, ErrorDetails] = {}
    placed = [(error, _place(error, data)) for error in errors]
    real = {place for error, place in placed if not _of_another_kind(error)}
    for error, place in placed:
        if error["type"] == "too_short" and error["ctx"]["actual_length"] < len(error["input"]):
            continue
        if not _of_another_kind(error):
            kept.setdefault(place, error)
        elif place not in real and not any(other.startswith(f"{place}.") for _, other in placed):
            kept[place] = _either(kept[place], error) if place in kept else error
    return list(kept.values())


def _of_another_kind(error: Any) -> bool:
    """Whether it says no more than that a value is no list, or no such word: a union has tried that, too."""
    return error["type"] in WORDS or error["type"] == "literal_error"


def _either(first: ErrorDetails, second: ErrorDetails) -> ErrorDetails:
    """Two mistakes of one value that may be several things, as one that names both."""
    first, second = sorted((first, second), key=lambda mistake: mistake["type"] != "literal_error")
    said = WORDS.get(first["type"], first["msg"])
    other = WORDS.get(second["type"], second["msg"]).removeprefix("must be ").removeprefix("Input should be ")
    return first | {"type": "either", "msg": said if other in said else f"{said} or {other}"}


def _describe(error: Any, data: Any, config: type[BaseModel]) -> Iterator[str]:
    """One validation error as clauses: the field, what is wrong, what would be right."""
    place, problem = _place(error, data), error.get("ctx", {}).get("error")
    if isinstance(problem, Several):
        for where, text in problem.mistakes:
            yield f"{place}.{where}: {text}" if place else f"{where}: {text}"
    elif error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        tag = error["ctx"]["discriminator"].strip("'")
        yield f"{place}.{tag}: {_kind_problem(error)}" if place else f"{tag}: {_kind_problem(error)}"
    else:
        text = _problem(error, config)
        # What concerns several fields has no place, and names them itself.
        yield f"{place}: {text}" if place else text


def _kind_problem(error: Any) -> str:
    if error["type"] == "union_tag_not_found":
        return "this key is missing; it says which kind it is"
    tags = [tag.strip(" '") for tag in error["ctx"]["expected_tags"].split(",")]
    return f"there is no {quoted(error['ctx']['tag'])}; {nearest(str(error['ctx']['tag']), tags)}"


def _problem(error: Any, config: type[BaseModel]) -> str:
    given, kind = error.get("input"), error["type"]
    if kind == "extra_forbidden":
        return f"unknown key; {nearest(str(error['loc'][-1]), _siblings(error['loc'], config))}"
    if kind == "missing":
        return "this key is missing"
    if kind == "too_short":
        least, has = error["ctx"]["min_length"], error["ctx"]["actual_length"]
        return f"must have at least {least} {'entry' if least == 1 else 'entries'}, but it has {has}"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind in WORDS:
        return f"{WORDS[kind]}, not {quoted(given)}"
    message = str(error["msg"]).replace("Input should", "must").replace("String should", "must")
    return f"{message[0].lower()}{message[1:]}, not {quoted(given)}"


def _siblings(place: Sequence[Any], config: type[BaseModel]) -> list[str]:
    """The keys that are valid where an unknown key was found, read off the JSON schema."""
    schema = config.model_json_schema()

    def resolve(node: JsonSchemaValue) -> JsonSchemaValue:
        return schema["$defs"][node["$ref"].rsplit("/", 1)[-1]] if "$ref" in node else node

    def step(node: JsonSchemaValue, part: Any) -> JsonSchemaValue | None:
        node = resolve(node)
        if part in node.get("properties", {}):
            return resolve(node["properties"][part])
        if part in node.get("discriminator", {}).get("mapping", {}):
            return resolve({"$ref": node["discriminator"]["mapping"][part]})
        if isinstance(part, int) and "items" in node:
            return resolve(node["items"])
        inner = [*node.get("anyOf", ()), *node.get("oneOf", ()), *filter(None, [node.get("additionalProperties")])]
        steps = (step(branch, part) for branch in inner if isinstance(branch, dict))
        return next((child for child in steps if child is not None), None)

    node = schema
    for part in place[:-1]:
        # pydantic also names the branches of unions that it tried, which are no step.
        node = step(node, part) or node
    while "properties" not in node and "anyOf" in node:
        node = resolve(node["anyOf"][0])
    return list(node.get("properties", {}))
