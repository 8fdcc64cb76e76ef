"""All pages that are made, by their path in docs/."""

from __future__ import annotations

from docsite import commands, fields, python


def generated() -> dict[str, str]:
    """Path in docs/ -> text."""
    return {**fields.pages(), **python.pages(), **commands.pages()}
