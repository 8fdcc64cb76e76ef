"""`python -m benchmarks`: check, time, and write benchmarks/results/."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import benchmarks  # noqa: F401  its environment comes before other libraries' imports
from benchmarks import families, memory, plot, results, training
from benchmarks.agreement import DisagreementError, check
from benchmarks.cases import Case, Selection, selection
from benchmarks.contestant import Ours
from benchmarks.rivals import RIVALS, RivalName, installed, rival
from benchmarks.timing import race

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
FOLDER = Path(__file__).parent / "results"
CHECK_PROMPTS, CHECK_S = 2, 1.0
TRAINING_STEPS = 4


class SetName(Enum):
    """How much is measured."""

    quick = "quick"
    standard = "standard"
    full = "full"
    gpu = "gpu"
    training = "training"
    families = "families"


class Suite:
    """One run over a selection; tables are written after every case, so an interrupted run leaves what it has."""

    def __init__(
        self, chosen: Selection, names: list[RivalName], folder: Path, threads: int, progress: Progress
    ) -> None:
        self._chosen, self._names, self._folder, self._threads = chosen, names, folder, threads
        self._progress = progress
        self._rows: dict[str, list[dict[str, object]]] = {"results": [], "scaling": [], "memory": []}
        self._checked: set[tuple[Any, ...]] = set()

    def go_on(self) -> None:
        """Keep the cases that the folder has already, and run the others."""
        for table in self._rows:
            path = self._folder / f"{table}.csv"
            if path.is_file():
                self._rows[table] = pd.read_csv(path).to_dict("records")

    def _missing(self, table: str, cases: Sequence[Case]) -> list[Case]:
        have = [{name: row[name] for name in results.place(cases[0])} for row in self._rows[table]] if cases else []
        return [case for case in cases if results.place(case) not in have]

    def run(self) -> None:
        """Races, scaling, memory."""
        rounds, contestants = self._chosen.budget.rounds, 1 + len(self._names)
        races = self._missing("results", self._chosen.races)
        with self._step("races", len(races) * rounds * contestants) as step:
            for case in races:
                self._check(case)
                found = race(self._ours(case), self._rivals(case), self._chosen.budget_of(case), step)
                self._keep("results", results.race_rows(case, found))
        scaling = self._missing("scaling", self._chosen.scaling)
        with self._step("scaling", len(scaling) * rounds) as step:
            for case in scaling:
                self._keep(
                    "scaling", results.race_rows(case, race(self._ours(case), [], self._chosen.budget_of(case), step))
                )
        measured = self._missing("memory", self._chosen.memory)
        with self._step("memory", len(measured) * contestants) as step:
            for case in measured:
                for who in (Ours.name, *self._names):
                    peak = memory.measure(case, who, self._threads)
                    title = who if who == Ours.name else rival(who).name
                    self._keep("memory", [{**results.place(case), "contestant": title, "peak_mib": peak}])
                    step()
        plot.draw(self._folder, self._tables())

    def _check(self, case: Case) -> None:
        key = (case.model, case.sweep, case.length, case.shared)
        if key in self._checked:
            return
        self._checked.add(key)
        for name in self._names:
            contestant = rival(name)(case.load(), case.workload(), case.prompts(CHECK_PROMPTS))
            cells, difference = check(contestant, CHECK_S)
            self._progress.console.print(
                f"{case.model} {case.sweep}, {case.length} tokens, prefix {case.prefix}: {contestant.name} agrees on "
                f"{cells} of {len(contestant.workload)} cells to {difference:.1e}"
            )

    def _ours(self, case: Case) -> Ours:
        return Ours(case.load(), case.workload(), case.prompts())

    def _rivals(self, case: Case) -> list[Any]:
        return [rival(name)(case.load(), case.workload(), case.prompts()) for name in self._names]

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {name: pd.DataFrame(rows) for name, rows in self._rows.items()}

    def _keep(self, table: str, rows: list[dict[str, object]]) -> None:
        self._rows[table] += rows
        results.write(self._folder, self._tables(), " ".join(["python -m benchmarks", *sys.argv[1:]]))

    def _step(self, label: str, total: int) -> Any:
        return _Bar(self._progress, label, total)


class _Bar:
    def __init__(self, progress: Progress, label: str, total: int) -> None:
        self._progress, self._label, self._total = progress, label, total

    def __enter__(self) -> Any:
        self._task = self._progress.add_task(self._label, total=self._total)
        return lambda: self._progress.advance(self._task)

    def __exit__(self, *_: object) -> None:
        self._progress.stop_task(self._task)


@app.command()
def main(
    set_: Annotated[SetName, typer.Option("--set", help="How much is measured.")] = SetName.standard,
    threads: Annotated[int, typer.Option(help="Threads of torch; 0: one for each core.")] = 0,
    go_on: Annotated[bool, typer.Option("--go-on", help="Keep the cases that are there; run the others.")] = False,
    out: Annotated[Path, typer.Option(help="Where the tables and plots go.", show_default=False)] = FOLDER,
) -> None:
    """Our engine beside TransformerLens, nnsight and pyvene: the same numbers first, then the time; or a step of training."""
    threads = threads or os.cpu_count() or 1
    torch.set_num_threads(threads)
    console = Console()
    if set_ is SetName.training:
        _training(out, console)
        return
    if set_ is SetName.families:
        _families(out, console)
        return
    if set_ is SetName.gpu:
        if not torch.cuda.is_available():
            console.print("[red]error:[/red] --set gpu needs a CUDA device, and torch finds none")
            raise typer.Exit(2)
        out = out / "gpu" if out == FOLDER else out
    names = installed()
    for missing in [name for name in RIVALS if name not in names]:
        console.print(f"{missing} is not installed and is left out (pip install '.\\[benchmark]')")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        try:
            suite = Suite(selection(set_.value), names, out, threads, progress)
            if go_on:
                suite.go_on()
            suite.run()
        except DisagreementError as error:
            console.print(f"[red]error:[/red] {error}; nothing is timed before that is settled")
            raise typer.Exit(2) from None
    console.print(f"results: {out / 'results.md'}")


def _training(out: Path, console: Console) -> None:
    """Sparse training beside fine-tuning; no library but Hugging Face's has a part in it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=2 * (TRAINING_STEPS + 1) * len(training.CASES))
        found = training.run(out, TRAINING_STEPS, lambda: progress.advance(task))
    for row in found.to_dict("records"):
        console.print(
            f"{row['batch']} x {row['length']} tokens, {row['contestant']}: {row['tokens_per_s']:.0f} tokens/s, "
            f"{row['of_sdpa']:.2f} of SDPA's"
        )


def _families(out: Path, console: Console) -> None:
    """Every family's time per operation beside Llama's; no library has a part in it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("families", total=families.ROUNDS * len(families.CONFIGS))
        found = families.run(out, lambda: progress.advance(task))
    for row in found.to_dict("records"):
        late = "" if row["of_llama"] <= families.ALLOWED else f" (more than {families.ALLOWED})"
        console.print(
            f"{row['family']}: {row['of_llama']:.2f} of Llama's time per operation "
            f"[{row['of_llama_min']:.2f}, {row['of_llama_max']:.2f}]{late}"
        )


if __name__ == "__main__":
    app()
