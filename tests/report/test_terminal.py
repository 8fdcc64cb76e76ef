"""The last lines on the terminal."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from interp.report.story import Story
from interp.report.terminal import print_answer


def printed(story, path, width=40):
    stream = io.StringIO()
    print_answer(Console(file=stream, width=width, force_terminal=False), story, path)
    return stream.getvalue()


def test_the_answer_and_an_unbroken_path_are_printed():
    path = Path("runs") / ("a_long_name_" * 5) / "0123456789ab" / "report.html"
    text = printed(Story("T", "Q", ["Two heads carry it.", "The effect is 1.2 logits."]), path)
    assert text.splitlines()[-1] == f"report: {path}"
    assert "Two heads carry it.\nThe effect is 1.2 logits." in text


def test_brackets_are_no_markup_and_escapes_do_not_reach_the_terminal():
    text = printed(Story("T", "Q", ["[red]8 heads[/red] [7, 9] \x1b[2J"]), Path("runs/[bold]/report.html"), width=100)
    assert "[red]8 heads[/red] [7, 9] ␛[2J" in text
    assert "report: runs/[bold]/report.html" in text
    assert "\x1b" not in text
