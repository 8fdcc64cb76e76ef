"""A docstring as Markdown: its paragraphs, and Args, Returns and Raises as lists."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import Any

SECTIONS = {"Args:": "Arguments", "Returns:": "Returns", "Raises:": "Raises"}
COLUMNS = re.compile(r"^\w+ {3,}\S")
"""Text set in columns, which stays as it is."""
PAGE = re.compile(r"docs/(\w+\.md)")
ENTRY = re.compile(r"^(\S[^:]*?): (.*)$", re.S)


def markdown(text: str) -> str:
    """The whole docstring."""
    parts = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        first, _, rest = block.partition("\n")
        if first in SECTIONS:
            parts.append(f"**{SECTIONS[first]}**\n\n" + "\n".join(_entries(textwrap.dedent(rest))))
        else:
            parts.append(f"```text\n{block}\n```" if COLUMNS.match(block) else linked(block))
    return "\n\n".join(parts)


def first_line(text: str) -> str:
    """The summary: what stands before the first empty line, on one line."""
    return " ".join(inspect.cleandoc(text).split("\n\n")[0].split())


def linked(text: str) -> str:
    """A text of the code in which pages are named by their path: links to them, from a page of the reference."""
    return PAGE.sub(r"[\1](../\1)", text)


def _entries(text: str) -> list[str]:
    """`name, other: what it is`, one a line; what is set in below belongs to it."""
    joined: list[str] = []
    for line in text.splitlines():
        if line.startswith(" ") and joined:
            joined[-1] += " " + line.strip()
        else:
            joined.append(line.strip())
    return [linked(f"- `{one[1]}`: {one[2]}" if (one := ENTRY.match(line)) else f"- {line}") for line in joined]


def tree_of(thing: Any) -> Any:
    """The definition of a class or function, as its file has it."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    return node


def of_attributes(cls: type) -> dict[str, str]:
    """Attribute -> the text that stands below it in the class."""
    node = tree_of(cls)
    found = {}
    for now, following in zip(node.body, node.body[1:], strict=False):
        target = now.target if isinstance(now, ast.AnnAssign) else None
        value = following.value if isinstance(following, ast.Expr) else None
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
            found[target.id] = first_line(value.value)
    return found
