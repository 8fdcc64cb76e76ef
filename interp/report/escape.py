"""Text that comes through literally: in Markdown prose, table cells, code spans and fences.

Markdown escapes are GitHub's dialect, and no more of them than needed: `[7, 9]` and `mlp_out` stay readable in the
raw file, because brackets mean nothing without `](`, `][` or `]:`, nor an underscore inside a word.
"""

from __future__ import annotations

import re

ALWAYS = re.compile(r"[\\`*<|$~]|&(?=#?\w+;)|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])")
BRACKETS = re.compile(ALWAYS.pattern + r"|[\[\]]")
LEADING = re.compile(r"^([-+=#>\[]|\d+(?=[.)]))")


def cell(text: str) -> str:
    """The cell of a Markdown table."""
    return ALWAYS.sub(r"\\\g<0>", " ".join(text.split("\n")))


def plain(text: str) -> str:
    """A paragraph or list item: also nothing that would begin a heading, list or quotation."""
    leading = LEADING.match(text := cell(text).strip())
    if leading is None:
        return text
    sign = leading.group()
    return f"{sign}\\{text[len(sign) :]}" if sign.isdigit() else f"\\{text}"


def label(text: str) -> str:
    """The text of a link or image, where a bracket alone would end it."""
    return BRACKETS.sub(r"\\\g<0>", " ".join(text.split("\n")))


def code(text: str) -> str:
    """A code span in a table's cell: line breaks as ⏎, pipes with a backslash (which the table takes away again)."""
    if not text:
        return ""
    text = text.replace("\n", "⏎")
    ticks = "`" * (1 + _longest_run(text))
    # A renderer takes one space from each end when both ends have one.
    both = text[0] == text[-1] == " " and text.strip(" ") != ""
    pad = " " if both or "`" in (text[0], text[-1]) else ""
    return f"{ticks}{pad}{text}{pad}{ticks}".replace("|", "\\|")


def fence(text: str) -> str:
    """A fenced block, with a fence longer than any inside."""
    ticks = "`" * max(3, 1 + _longest_run(text))
    return f"{ticks}text\n{text.rstrip()}\n{ticks}"


def anchors(titles: list[str]) -> list[str]:
    """An id for every heading, no two alike."""
    taken: list[str] = []
    for title in titles:
        base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "part"
        name, number = base, 2
        while name in taken:
            name, number = f"{base}-{number}", number + 1
        taken.append(name)
    return taken


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
