"""The last lines of a run on the terminal: the answer and where the report is."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from interp.report.story import Story
from interp.words.visible import visible


def print_answer(console: Console, story: Story, report: Path) -> None:
    """Print the question's answer and the path of the report, both letter by letter (no markup)."""
    console.print()
    for sentence in story.answer:
        console.print(Text(visible(sentence), style="bold"))
    console.print()
    # One line whatever the width, so that the path can be copied.
    console.print(Text(f"report: {report}"), soft_wrap=True)
