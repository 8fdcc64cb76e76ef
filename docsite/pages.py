"""Everything that is made for the docs, by its path in docs/."""

from __future__ import annotations

from docsite import commands, fields, python
from docsite.drawings import drawn


def generated() -> dict[str, str]:
    """Path in docs/ -> text: the reference and the drawings."""
    return {**fields.pages(), **python.pages(), **commands.pages(), **drawn()}
