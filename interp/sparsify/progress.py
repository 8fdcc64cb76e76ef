"""The progress bar of training, with the numbers that tell whether it goes well."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from interp.sparsify.log import Step


@contextmanager
def training_progress(console: Console, steps: int) -> Iterator[Callable[[Step], None]]:
    """A bar over steps; yields the function that takes every step's row of the log. Evaluations are printed as lines."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("training", total=steps)
        began, tokens = time.monotonic(), 0

        def report(row: Step) -> None:
            nonlocal tokens
            tokens += row["tokens"]
            rate = tokens / (time.monotonic() - began)
            text = f"loss {row['loss']:+.3f} density {100 * row['expected_density']:.1f} % {rate:.0f} tokens/s"
            progress.update(task, completed=row["step"], description=text)
            if "density" in row:
                progress.console.print(
                    f"step {row['step']:>5}  stage {row['stage']} (target +{row['target']:g}): held-out loss "
                    f"{row['held_out_loss']:+.3f} nats, {100 * row['density']:.1f} % of edges open, "
                    f"multiplier {row['multiplier']:.2f}, {rate:.0f} tokens/s"
                )

        yield report
