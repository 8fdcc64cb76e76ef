"""The commands of the command line: thin, because the config is the interface."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from interp.cli import completion
from interp.cli.shared import Config, Fresh, Json, Set, Sets, given, interruptible, overrides, print_json
from interp.cli.sweep import app as sweep_app
from interp.errors import UserError, mistakes_of

app = typer.Typer(
    help="Which attention heads carry information from one token to another, and how much of the answer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(sweep_app, name="sweep")


@app.command()
@interruptible
def run(config: Config, set_: Set = None, sets: Sets = "", fresh: Fresh = False) -> None:
    """Run what a YAML asks for and write its report; an interrupted run goes on where it stopped."""
    from interp.runs.kinds import load_any

    kind, loaded = load_any(given(config), overrides(set_, sets))
    kind.run(loaded, Console(), fresh)


@app.command()
@interruptible
def validate(config: Config, set_: Set = None, sets: Sets = "", as_json: Json = False) -> None:
    """Check a config without running it: prompts, probes, forward passes and memory."""
    from interp.runs.kinds import load_any

    try:
        kind, loaded = load_any(given(config), overrides(set_, sets))
        validated = kind.check(loaded, Console(quiet=as_json))
    except UserError as error:
        if not as_json:
            raise
        print_json({"config": str(config), "valid": False, "mistakes": mistakes_of(error)})
        raise typer.Exit(2) from None
    if as_json:
        print_json({"config": str(config), "valid": True, "mistakes": [], "name": loaded.run.name, **validated})


@app.command()
@interruptible
def explain(
    config: Config,
    set_: Set = None,
    sets: Sets = "",
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Print what a paper on it would cite, as BibTeX.")] = False,
    as_json: Json = False,
) -> None:
    """A run in words before it runs: what is measured, on which prompts, with which statistics, and what it takes."""
    from interp.cli.explain import explain as explained
    from interp.runs.kinds import load_any

    kind, loaded = load_any(given(config), overrides(set_, sets))
    explanation = explained(kind, loaded, Console(quiet=as_json), bibtex)
    if as_json:
        print_json({"config": str(config), "name": loaded.run.name, **explanation})


@app.command()
@interruptible
def report(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.", autocompletion=completion.folders)],
) -> None:
    """Draw the figures and the report of a finished run again, without the model."""
    from interp.runs.kinds import publish_any

    publish_any(given(run), Console())


@app.command()
@interruptible
def runs(
    root: Annotated[Path, typer.Argument(help="A folder of runs.", autocompletion=completion.folders)] = Path("runs"),
    points: Annotated[bool, typer.Option("--points", help="List the points of sweeps, too.")] = False,
    as_json: Json = False,
) -> None:
    """What lies in a folder of runs: a table here, and a page that sorts (index.html there)."""
    from interp.cli.shelf import list_runs

    rows = list_runs(given(root), points, Console(quiet=as_json))
    if as_json:
        print_json(rows)


@app.command()
@interruptible
def compare(
    first: Annotated[Path, typer.Argument(help="The folder of a finished run.", autocompletion=completion.folders)],
    second: Annotated[Path, typer.Argument(help="Another.", autocompletion=completion.folders)],
    whole: Annotated[bool, typer.Option("--all", help="Also the numbers without intervals that differ.")] = False,
    as_json: Json = False,
) -> None:
    """Two finished runs beside each other: what their configs say differently, their numbers, their heads."""
    from interp.cli.shelf import print_comparison

    comparison = print_comparison(given(first), given(second), Console(quiet=as_json), whole)
    if as_json:
        print_json(comparison)


@app.command(name="list")
@interruptible
def list_(as_json: Json = False) -> None:
    """What a YAML can name: probes, tasks, metrics, figures, recipes, models, kinds of run; and plugins."""
    from interp.runs.catalogue import everything

    if as_json:
        print_json(everything())
        return
    console = Console()
    for title, entries in everything().items():
        table = Table("kind", "what it is", title=title, title_justify="left", box=None, pad_edge=False)
        for kind, line in entries.items():
            table.add_row(kind, line)
        console.print(table, "")


@app.command()
@interruptible
def task(
    name: Annotated[
        str, typer.Argument(help="A task, such as ioi; `interp list` has them all.", autocompletion=completion.tasks)
    ],
    model: Annotated[
        str | None,
        typer.Option(help="A packaged name, a directory, or a name of the hub; default: the packaged SmolLM2."),
    ] = None,
    no_model: Annotated[bool, typer.Option("--no-model", help="Texts alone.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Draws the prompts.")] = 0,
    set_: Set = None,
    sets: Sets = "",
) -> None:
    """Ten prompts of a task, their tokens and roles, a model's accuracy by wording, and what is left out and why.

    --set is about the task (max_pairs=16) or, as model.KEY=..., about the model (model.sparse.checkpoint=FOLDER).
    """
    from interp.api.models import model_config
    from interp.configs.loading import override
    from interp.runs.task_page import is_here, show_task

    console = Console()
    settings = overrides(set_, sets)
    of_model: dict[str, dict[str, object]] = {"model": {}}
    for setting in settings:
        if setting.startswith("model."):
            override(of_model, setting)
    if no_model and of_model["model"]:
        raise UserError("--no-model asks no model, so --set model.… has nothing to be about; leave one of them out")
    asked = None if no_model else model_config(model or "smollm2-135m-instruct", of_model["model"])
    if asked is not None and model is None and not is_here(asked):
        console.print("the packaged SmolLM2 is not on this machine, so these are texts alone; --model fetches it")
        asked = None
    of_task = [setting for setting in settings if not setting.startswith("model.")]
    show_task(name, of_task, asked, seed, console)


@app.command()
@interruptible
def schema(
    out: Annotated[Path, typer.Argument(help="The folder to write the JSON Schemas into.")] = Path("configs"),
) -> None:
    """Write the JSON Schemas: of every kind of YAML, for editors, and of what runs conclude, for whoever reads it."""
    from interp.results import atomic

    for name, text in schema_texts().items():
        atomic.write_text(out / name, text)


def schema_texts() -> dict[str, str]:
    """File name -> JSON Schema: of every kind of YAML, single or swept, of metrics.json, and of comparison.json."""
    from interp.analysis.findings_of_comparison import ComparisonFindings
    from interp.runs.circuit.schema import metrics_schema
    from interp.runs.kinds import run_kinds
    from interp.sweep.schema import with_sweep

    schemas = {
        **{name: with_sweep(run_kinds[name].schema.model_json_schema()) for name in run_kinds},
        "metrics": metrics_schema(),
        "comparison_findings": ComparisonFindings.model_json_schema(),
    }
    return {
        f"{name}.schema.json": json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        for name, schema in schemas.items()
    }
