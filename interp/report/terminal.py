"""The last lines of a run on the terminal: the answer and where the report is."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from interp.report.story import Story


def print_answer(console: Console, story: Story, report: Path) -> None:
    """Print the question's answer and the path of the report."""
    console.print()
    for sentence in story.answer:
        console.print(Text(sentence, style="bold"))
    console.print(f"\nreport: {report}", soft_wrap=True, highlight=False)
