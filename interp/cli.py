"""The command line: thin, because the config is the interface."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from interp.errors import UserError


class Interrupted(Exception):
    """Ctrl-C while a run was under way."""


app = typer.Typer(
    help="Which attention heads carry information from one token to another, and how much of the answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Config = Annotated[Path, typer.Argument(help="The YAML of the run.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Override one field, as a.b=c; may be repeated.")]


Fresh = Annotated[bool, typer.Option("--fresh", help="Start anew: what this run has finished is thrown away.")]


@app.command()
def run(config: Config, set_: Set = None, fresh: Fresh = False) -> None:
    """Run what a YAML asks for and write its report; an interrupted run goes on where it stopped."""
    from interp.studies import load_any

    try:
        kind, loaded = load_any(config, set_ or ())
        kind.run(loaded, Console(), fresh)
    except KeyboardInterrupt:  # caught here, because typer would end the program without a word
        raise Interrupted from None


@app.command()
def validate(config: Config, set_: Set = None) -> None:
    """Check a config without running it: prompts, probes, forward passes and memory."""
    from interp.dry_run import describe
    from interp.studies import load_any

    describe(load_any(config, set_ or ())[1], Console())


@app.command()
def report(run: Annotated[Path, typer.Argument(help="The folder of a finished run.")]) -> None:
    """Draw the figures and the report of a finished run again, without the model."""
    from interp.studies import publish_any

    publish_any(run, Console())


@app.command(name="list")
def list_() -> None:
    """What a YAML can name: probes, tasks, metrics, figures, experiments, packaged models."""
    from interp.catalogue import everything

    console = Console()
    for title, entries in everything().items():
        table = Table("kind", "what it is", title=title, title_justify="left", box=None, pad_edge=False)
        for kind, line in entries.items():
            table.add_row(kind, line)
        console.print(table, "")


@app.command()
def schema(
    out: Annotated[Path, typer.Argument(help="The folder to write the JSON Schemas into.")] = Path("configs"),
) -> None:
    """Write the JSON Schema of every kind of YAML, for editors."""
    from interp.results import atomic

    for name, text in schema_texts().items():
        atomic.write_text(out / name, text)


def schema_texts() -> dict[str, str]:
    """File name -> JSON Schema of a kind of YAML."""
    from interp.studies import STUDIES

    return {
        f"{name}.schema.json": json.dumps(kind.schema.model_json_schema(), indent=1, ensure_ascii=False, sort_keys=True)
        + "\n"
        for name, kind in STUDIES.items()
    }


def main() -> None:
    """Entry point: a user's mistake is one sentence and exit code 2; a bug keeps its traceback."""
    errors = Console(stderr=True)
    try:
        app()
    except UserError as error:
        errors.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(2) from None
    except Interrupted:
        errors.print("interrupted; the same command goes on from what is finished", style="yellow", soft_wrap=True)
        raise SystemExit(130) from None
