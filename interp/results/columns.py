"""The columns of the effects table, told once: their order, and what each holds (docs/tables.md)."""

from __future__ import annotations

from typing import Any, Literal

Kind = Literal["text", "number", "optional", "value"]
"""Text; a whole number; one that may be missing; a floating-point number."""

EFFECTS: dict[str, Kind] = {
    **dict.fromkeys(("model", "probe", "kind", "part", "method"), "text"),
    **dict.fromkeys(("variant", "prompt"), "number"),
    **dict.fromkeys(("set", "pair", "template", "base", "source", "site"), "text"),
    **dict.fromkeys(("layer", "head", "query", "key"), "optional"),
    **dict.fromkeys(("query_label", "key_label", "group"), "text"),
    "n_kept": "optional",
    **dict.fromkeys(("value", "baseline", "effect", "normalised"), "value"),
}
STORED: dict[Kind, Any] = {"text": "str", "number": "int64", "optional": "Int64", "value": "float64"}
"""What a kind is on disk, as pandas names it."""
HELD: dict[Kind, Any] = {"text": "category", "number": "int32", "optional": "Int32", "value": "float64"}
"""What it is in memory: 90 bytes a row and not 300. Categories are sorted, so that groups come as those of texts would."""
