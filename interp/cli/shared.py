"""What all commands share: their options, Ctrl-C, overrides, JSON."""

from __future__ import annotations

import functools
import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from interp.cli import completion
from interp.errors import Interrupted, UserError

Config = Annotated[Path, typer.Argument(help="The YAML of the run.", autocompletion=completion.configs)]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override one field, as a.b=c; may be repeated.", autocompletion=completion.fields),
]
Sets = Annotated[str, typer.Option("--sets", help="Several overrides in one text, quoted as for a shell.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start anew: what this run has finished is thrown away.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]
P = ParamSpec("P")


def interruptible(command: Callable[P, None]) -> Callable[P, None]:
    """A command whose Ctrl-C reaches `interp.cli.main`; typer would end the program with a word of its own."""

    @functools.wraps(command)
    def caught(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            raise Interrupted from None

    return caught


def overrides(one_by_one: Sequence[str] | None, together: str) -> list[str]:
    """The overrides of `--set`, then those of `--sets`, split as a shell would."""
    try:
        return [*(one_by_one or ()), *shlex.split(together)]
    except ValueError as error:
        raise UserError(
            f"SET: {error} in {together!r}; quote a value as for a shell: SET=\"'title=two words' seed=1\""
        ) from None


def print_json(data: object) -> None:
    """Print data as JSON, for other programs."""
    print(json.dumps(data, indent=1, ensure_ascii=False))


def given(path: Path) -> Path:
    """A path of the command line; `~` stands for the home folder also where the shell has not seen it."""
    from interp.configs.paths import user_path

    return user_path(path, "the command line")
