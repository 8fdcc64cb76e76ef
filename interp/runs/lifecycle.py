"""What every kind of run goes through: take up what is finished, measure the rest, say how it ended, report.

A kind says what it leaves behind (`Kept`) and how it measures; whether a kept piece may be used is decided here and in
interp.results alone, by what the piece was made from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from interp.configs.loading import LoadedConfig
from interp.errors import interruptions
from interp.results import reading, versions
from interp.results.inputs import Inputs, digests, inputs_of, still_there
from interp.results.parts import FRESH, differences, must_agree
from interp.results.reading import Damaged
from interp.results.run_folder import RunFolder
from interp.runs.manifest import manifest_of

Measure = Callable[[RunFolder, Inputs], Mapping[str, object]]
"""(run folder, files that the config names) -> what the manifest says of the run; it has written the tables."""


def cannot_restore(folder: RunFolder) -> None:
    """For tables that only the model can make again: Damaged when one is not as it was written."""
    if damaged := folder.damaged():
        raise Damaged(f"{folder.path}: {', '.join(damaged)} {'are' if len(damaged) > 1 else 'is'} missing or damaged")


def json_tables(folder: RunFolder) -> Mapping[str, object]:
    """What stands in the run's JSON tables."""
    contents: dict[str, object] = {}
    for name in (table for table in folder.manifest().tables if table.endswith(".json")):
        contents |= reading.read_json(folder.path / name)
    return contents


@dataclass(frozen=True)
class Kept:
    """What a kind of run leaves in its folder.

    `tables` are what its report is drawn from by `publish`, `also` other files and folders of its own; `restore` makes
    tables that are missing or damaged again without a model, or raises Damaged. `concluded` is what a finished run says,
    as plain data: a sweep puts every number of it, with its interval, into one table (interp.analysis.quantities).
    """

    tables: tuple[str, ...]
    publish: Callable[[RunFolder, Console], Path]
    restore: Callable[[RunFolder], None] = cannot_restore
    also: tuple[str, ...] = ()
    concluded: Callable[[RunFolder], Mapping[str, object]] = json_tables


_DRAWS: ContextVar[bool] = ContextVar("draws", default=True)


@contextmanager
def tables_only() -> Iterator[None]:
    """Inside, runs end with their tables: a report that nobody may look at can be drawn when somebody does."""
    token = _DRAWS.set(False)
    try:
        yield
    finally:
        _DRAWS.reset(token)


def draws() -> bool:
    """Whether runs draw their reports here."""
    return _DRAWS.get()


def carry_out(
    config: LoadedConfig[Any], console: Console, kept: Kept, measure: Measure, fresh: bool, verb: str = "experiment"
) -> Path:
    """A run from its config to its report; the report's path.

    What is finished is kept, unless `fresh`. Raises UserError for everything that a user can mend, and when a finished
    piece was made from something that has changed since.
    """
    settings = config.run
    with RunFolder.open(settings.output.folder(), settings.name, settings.resolved(), config.text) as folder:
        if fresh:
            folder.clear((*kept.tables, *kept.also))
        inputs = inputs_of(settings, folder.manifest().inputs)
        if folder.finished or folder.parts:
            _same_inputs(settings, folder, inputs)
        if whole(folder, kept):
            console.print(f"{folder.path} is finished; its report is drawn again")
            if changed := differences(folder.manifest().code, versions.code()):
                console.print(f"it was measured by other code ({'; '.join(changed)}); to measure it again, {FRESH}")
        else:
            console.print(f"run folder: {folder.path}")
            attempt(config, folder, inputs, kept.tables, measure, verb)
        return kept.publish(folder, console) if draws() else folder.path / "report.html"


def attempt(
    config: LoadedConfig[Any],
    folder: RunFolder,
    inputs: Inputs,
    tables: tuple[str, ...],
    measure: Measure,
    verb: str = "experiment",
    **more: Any,
) -> None:
    """Measure, and say in the manifest how it ended; `seconds` are those of all attempts."""
    started, before = time.monotonic(), folder.manifest().seconds
    said = manifest_of(config, folder, verb).model_copy(update={"inputs": inputs, "code": versions.code(), **more})
    folder.write_manifest(said, seconds=before)

    def took() -> float:
        return round(before + time.monotonic() - started, 1)

    try:
        with interruptions():
            facts = measure(folder, inputs)
    except KeyboardInterrupt:
        folder.write_manifest(said, seconds=took(), status="interrupted")
        raise
    except Exception as error:
        folder.write_manifest(said, seconds=took(), status="failed", error=str(error))
        raise
    folder.finish(said, tables, **{**facts, "seconds": took()})


def whole(folder: RunFolder, kept: Kept) -> bool:
    """Whether the run is finished and its tables are those that it wrote; what can be made again from its parts, is."""
    if not folder.finished:
        return False
    try:
        kept.restore(folder)
    except Damaged:
        return False
    return not folder.damaged()


def report_again(folder: RunFolder, kept: Kept, console: Console) -> Path:
    """The report of a finished run, from its tables; UserError when it is not finished, or they cannot be made again."""
    if not folder.finished:
        status = folder.manifest().status
        why = f"its status is {status!r}" if status else "manifest.json is missing, damaged, or of another run"
        raise Damaged(
            f"{folder.path} is not a finished run: {why}; run the experiment first, it keeps what is finished"
        )
    try:
        kept.restore(folder)
        cannot_restore(folder)
    except Damaged as error:
        raise Damaged(f"{error}; run its config again, which makes anew what is damaged") from None
    return kept.publish(folder, console)


def _same_inputs(settings: Any, folder: RunFolder, inputs: Inputs) -> None:
    """UserError when a file that the config names has changed since; a path that is not there any more cannot be held."""
    manifest = folder.manifest()
    if manifest.status:
        must_agree(str(folder.path), digests(still_there(manifest.inputs, settings)), digests(inputs))
