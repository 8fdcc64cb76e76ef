"""The commands of the command line: thin, because the config is the interface."""

from __future__ import annotations

import functools
import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from rich.console import Console
from rich.table import Table

from interp.errors import Interrupted, UserError, mistakes_of

app = typer.Typer(
    help="Which attention heads carry information from one token to another, and how much of the answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Config = Annotated[Path, typer.Argument(help="The YAML of the run.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Override one field, as a.b=c; may be repeated.")]
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


@app.command()
@interruptible
def run(config: Config, set_: Set = None, sets: Sets = "", fresh: Fresh = False) -> None:
    """Run what a YAML asks for and write its report; an interrupted run goes on where it stopped."""
    from interp.runs.kinds import load_any

    kind, loaded = load_any(_given(config), overrides(set_, sets))
    kind.run(loaded, Console(), fresh)


@app.command()
@interruptible
def validate(config: Config, set_: Set = None, sets: Sets = "", as_json: Json = False) -> None:
    """Check a config without running it: prompts, probes, forward passes and memory."""
    from interp.runs.kinds import load_any

    try:
        kind, loaded = load_any(_given(config), overrides(set_, sets))
        found = kind.check(loaded, Console(quiet=as_json))
    except UserError as error:
        if not as_json:
            raise
        _print_json({"config": str(config), "valid": False, "mistakes": mistakes_of(error)})
        raise typer.Exit(2) from None
    if as_json:
        _print_json({"config": str(config), "valid": True, "mistakes": [], "name": loaded.run.name, **found})


@app.command()
@interruptible
def report(run: Annotated[Path, typer.Argument(help="The folder of a finished run.")]) -> None:
    """Draw the figures and the report of a finished run again, without the model."""
    from interp.runs.kinds import publish_any

    publish_any(_given(run), Console())


@app.command(name="list")
@interruptible
def list_(as_json: Json = False) -> None:
    """What a YAML can name: probes, tasks, metrics, figures, recipes, models, kinds of run; and plugins."""
    from interp.runs.catalogue import everything

    if as_json:
        _print_json(everything())
        return
    console = Console()
    for title, entries in everything().items():
        table = Table("kind", "what it is", title=title, title_justify="left", box=None, pad_edge=False)
        for kind, line in entries.items():
            table.add_row(kind, line)
        console.print(table, "")


@app.command()
@interruptible
def schema(
    out: Annotated[Path, typer.Argument(help="The folder to write the JSON Schemas into.")] = Path("configs"),
) -> None:
    """Write the JSON Schemas: of every kind of YAML, for editors, and of metrics.json, for whoever reads it."""
    from interp.results import atomic

    for name, text in schema_texts().items():
        atomic.write_text(out / name, text)


def schema_texts() -> dict[str, str]:
    """File name -> JSON Schema: of every kind of YAML, and of metrics.json."""
    from interp.runs.circuit.schema import metrics_schema
    from interp.runs.kinds import run_kinds

    schemas = {name: run_kinds[name].schema.model_json_schema() for name in run_kinds} | {"metrics": metrics_schema()}
    return {
        f"{name}.schema.json": json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        for name, schema in schemas.items()
    }


def overrides(one_by_one: Sequence[str] | None, together: str) -> list[str]:
    """The overrides of `--set`, then those of `--sets`, split as a shell would."""
    try:
        return [*(one_by_one or ()), *shlex.split(together)]
    except ValueError as error:
        raise UserError(
            f"SET: {error} in {together!r}; quote a value as for a shell: SET=\"'title=two words' seed=1\""
        ) from None


def _print_json(data: object) -> None:
    print(json.dumps(data, indent=1, ensure_ascii=False))


def _given(path: Path) -> Path:
    """A path of the command line; `~` stands for the home folder also where the shell has not seen it."""
    from interp.configs.paths import user_path

    return user_path(path, "the command line")
