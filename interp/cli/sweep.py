"""`interp sweep`: many runs from one YAML (docs/sweeps.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from interp.cli import completion
from interp.cli.shared import Config, Json, Set, Sets, given, interruptible, overrides, print_json

app = typer.Typer(help="Many runs from one YAML: plan, run, status, cancel, collect.", no_args_is_help=True)
Place = Annotated[Path, typer.Argument(help="The YAML of the sweep, or its folder.", autocompletion=completion.configs)]


@app.command()
@interruptible
def plan(config: Config, set_: Set = None, sets: Sets = "", as_json: Json = False) -> None:
    """Points, forward passes, time and memory; what is finished already. Nothing is run."""
    from interp.sweep.plan import plan as planned

    costs = planned(given(config), overrides(set_, sets), Console(quiet=as_json))
    if as_json:
        print_json(costs)


@app.command()
@interruptible
def run(
    config: Config,
    set_: Set = None,
    sets: Sets = "",
    executor: Annotated[
        str | None, typer.Option(help="local or slurm; default: the YAML's.", autocompletion=completion.executors)
    ] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Processes at a time (local).")] = None,
    export: Annotated[Path | None, typer.Option(help="Write an sbatch script here, and submit nothing.")] = None,
    wait: Annotated[bool, typer.Option(help="Look on until all points have ended.")] = True,
) -> None:
    """Run what is not finished yet, then collect; a failed point stops no other."""
    from interp.sweep.run import run as carried_out

    done = carried_out(
        given(config), overrides(set_, sets), Console(), executor, jobs, None if export is None else given(export), wait
    )
    if not done:
        raise typer.Exit(1)


@app.command()
@interruptible
def status(place: Place, set_: Set = None, sets: Sets = "", as_json: Json = False) -> None:
    """What became of every point."""
    from interp.sweep.status import status as told

    states = told(given(place), overrides(set_, sets), Console(quiet=as_json))
    if as_json:
        print_json(states)


@app.command()
@interruptible
def cancel(place: Place, set_: Set = None, sets: Sets = "") -> None:
    """Stop its processes and jobs; what is finished is kept."""
    from interp.sweep.cancel import cancel as cancelled

    cancelled(given(place), overrides(set_, sets), Console())


@app.command()
@interruptible
def collect(place: Place, set_: Set = None, sets: Sets = "") -> None:
    """One table of all finished points, and the study report."""
    from interp.sweep.collect import collect as collected

    collected(given(place), overrides(set_, sets), Console())
