"""The axes of a sweep, as its report reads them, and the finished points by kind of run."""

from __future__ import annotations

from collections.abc import Sequence

from interp.analysis.quantities import quantities
from interp.configs.registry import nearest
from interp.errors import UserError
from interp.results.run_folder import RunFolder
from interp.runs.chapter import Layout, Point
from interp.runs.kinds import RunKind, kind_of
from interp.sweep.store import Entry, Journal, State, Store


def axes_of(entries: Sequence[Entry]) -> list[str]:
    """The axes, in their order."""
    return list(dict.fromkeys(axis for entry in entries for axis in entry.labels))


def layout_of(store: Store) -> Layout:
    """Which axes have several levels, which repeat a measurement, and what ratios are taken to."""
    axes = axes_of(store.entries)
    varied = [axis for axis in axes if len({entry.labels.get(axis) for entry in store.entries}) > 1]
    reference = store.about["reference"]
    return Layout(
        tuple(varied),
        tuple(_repeats(store.about["repeats"], axes)),
        None if reference is None else (reference["axis"], reference["level"]),
    )


def _repeats(given: list[str] | None, axes: list[str]) -> list[str]:
    """The axes whose levels repeat a measurement."""
    if given is None:
        return [axis for axis in axes if axis == "seed"]
    for axis in given:
        if axis not in axes:
            raise UserError(f"sweep.repeats: there is no axis {axis!r}; {nearest(axis, axes)}")
    return given


def finished_points(store: Store, states: dict[str, State]) -> dict[str, list[tuple[Point, RunKind, str]]]:
    """Kind of run -> its finished points whose results can be read, each with its kind and its hash, in the sweep's order.

    A point whose results cannot be read is said to be interrupted: the next run makes it again.
    """
    journal = Journal(store, "collect")
    by_kind: dict[str, list[tuple[Point, RunKind, str]]] = {}
    finished = [entry for entry in store.entries if states[entry.hash].status == "finished"]
    # Not from the runs' own YAML, which takes fifty milliseconds to read.
    asked = store.configs(entry.hash for entry in finished)
    for entry in finished:
        path = store.point_folder(entry)
        try:
            kind = kind_of(asked[entry.hash], entry.name)
            told = {quantity.name: quantity for quantity in quantities(kind.concluded(RunFolder.existing(path)))}
        except UserError as error:
            journal.say("interrupted", entry, why=f"a result cannot be read: {error}")
            continue
        point = Point(entry.name, entry.labels, path, told)
        by_kind.setdefault(str(asked[entry.hash].get("study", "circuit")), []).append((point, kind, entry.hash))
    return by_kind
