"""A field of a JSON Schema in words: its type, its bounds, its default."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]
Link = Callable[[str], str]
"""Name of a definition -> Markdown that leads to it."""
WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}
LONGEST_DEFAULT = 60


def kind_in_words(field: Schema, link: Link) -> str:
    """The type of a field, with its bounds."""
    if "$ref" in field:
        return link(field["$ref"].rsplit("/", 1)[1])
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " \\| ".join(f"`{one}`" for one in field["enum"])
    for union in ("anyOf", "oneOf"):
        if union in field:
            return " \\| ".join(dict.fromkeys(kind_in_words(one, link) for one in field[union]))
    if field.get("type") == "array":
        return _array(field, link)
    if field.get("type") == "object":
        inner = field.get("additionalProperties")
        return f"mapping to {kind_in_words(inner, link)}" if isinstance(inner, Mapping) and inner else "mapping"
    return WORDS[field["type"]] + _bounds(field) if "type" in field else "anything"


def _array(field: Schema, link: Link) -> str:
    if "prefixItems" in field:
        return f"[{', '.join(kind_in_words(one, link) for one in field['prefixItems'])}]"
    least = field.get("minItems", 0)
    return f"list of {kind_in_words(field.get('items', {}), link)}" + (f", {least} or more" if least else "")


def _bounds(field: Schema) -> str:
    low, high = field.get("minimum"), field.get("maximum")
    above, below = field.get("exclusiveMinimum"), field.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f", {low:,.10g} to {high:,.10g}"
    bounds = [("at least", low), ("above", above), ("at most", high), ("below", below)]
    told = [f"{words} {bound:,.10g}" for words, bound in bounds if bound is not None]
    return f", {' and '.join(told)}" if told else ""


def default_in_words(field: Schema, required: bool) -> str:
    """The default as a YAML has it; a long one is cut, since its parts have lines of their own."""
    if required:
        return "**needed**"
    if "default" not in field:
        return {"array": "`[]`", "object": "`{}`"}.get(field.get("type", ""), "its own defaults")
    text = json.dumps(field["default"], ensure_ascii=False)
    if len(text) > LONGEST_DEFAULT:
        return "its own defaults" if isinstance(field["default"], dict) else f"`{text[: LONGEST_DEFAULT - 2]} …`"
    return f"`{text.replace('|', chr(92) + '|')}`"
