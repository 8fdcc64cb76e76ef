"""Reference page of the command line, from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from interp.cli.commands import app

NOTE = "<!-- Made by `python -m docsite` from the commands. -->\n"
ABOUT = (
    "`python -m interp` is the same command. Every mistake that you can mend is one sentence, and the exit code is 2; Ctrl-C ends "
    "with 130, and the same command goes on from what is finished. `make help` lists the targets of the Makefile, which call these."
)


def pages() -> dict[str, str]:
    """Path in docs/ -> text."""
    root: Any = typer.main.get_command(app)
    parts = ["# Commands", NOTE + "\n" + ABOUT, *_commands("interp", root)]
    return {"reference/commands.md": "\n\n".join(parts) + "\n"}


def _commands(path: str, command: Any) -> Iterator[str]:
    if hasattr(command, "commands"):
        of_all = [one for one in command.params if one.name != "help"]
        if of_all:
            yield f"## {path}"
            yield _table(of_all)
        for name, inner in command.commands.items():
            yield from _commands(f"{path} {name}", inner)
        return
    shown = [one for one in command.params if one.name != "help"]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    words = " ".join(f"[{one.name.upper()}]" if not one.required else one.name.upper() for one in arguments)
    yield f"## {path}"
    yield f"```text\n{path} {words}".rstrip() + "\n```"
    yield " ".join((command.help or "").split())
    if shown:
        yield _table(shown)


def _table(parameters: list[Any]) -> str:
    rows = [f"| {_names(one)} | {_cell(one.help or '')} |" for one in parameters]
    return "\n".join(["| | |", "|---|---|", *rows])


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    return ", ".join(f"`{one}`" for one in [*parameter.opts, *parameter.secondary_opts])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
