"""The finished points of a sweep, laid out by its axes: cells of the axes that matter, each with the points that repeat it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from interp.analysis.findings import MeanFound
from interp.analysis.findings_of_heads import HeadCount, HeadFindings
from interp.analysis.findings_of_run import Metrics, RunFindings
from interp.configs.registry import nearest
from interp.errors import UserError
from interp.probes.base import by_prompt
from interp.results.tables import RunTables, concluded, read_metrics
from interp.sweep.store import Entry, State, Store

HEADS = "key_query_heads"


@dataclass(frozen=True)
class Found:
    """A finished run of probes, as the sweep's report reads it."""

    entry: Entry
    folder: Path

    @cached_property
    def metrics(self) -> Metrics:
        """metrics.json."""
        return read_metrics(self.folder / "metrics.json")

    @property
    def run(self) -> RunFindings:
        """What it says of the whole run."""
        return self.metrics.run

    @cached_property
    def label(self) -> str | None:
        """The label of its search for heads; None without one."""
        return next((label for label, one in self.metrics.probes.items() if one.kind == HEADS), None)

    @cached_property
    def heads(self) -> HeadFindings | None:
        """What its search for heads concludes."""
        return None if self.label is None else concluded(self.metrics, self.label, HeadFindings)

    @property
    def needed(self) -> HeadCount | None:
        """Heads needed in the run's definition of a share."""
        return None if self.heads is None else self.heads.share

    @property
    def n_needed(self) -> int | None:
        """How many; None without a search, and where the target is never reached."""
        return None if self.needed is None else self.needed.n

    @property
    def resampled(self) -> np.ndarray:
        """Heads needed in every resample; infinite where the target is never reached. Empty without a search."""
        if self.heads is None:
            return np.array([])
        counts = self.heads.resampled.of(self.heads.definition)
        return np.array([np.inf if one is None else float(one) for one in counts])

    @property
    def effect(self) -> MeanFound:
        """The effect that a forest plot shows, with its interval, in metric units: of all key->query edges, or the whole gap."""
        if self.heads is not None:
            return self.heads.total.effect
        values, pairs = self.effects
        return MeanFound(
            mean=float(values.mean()), low=None, high=None, sem=None, n=len(values), n_clusters=len(set(pairs))
        )

    @cached_property
    def effects(self) -> tuple[np.ndarray, list[str]]:
        """The same by prompt, and the word pair of every prompt."""
        tables = RunTables.load(self.folder)
        pairs = tables.prompts.set_index("prompt")["pair"].astype(str)
        if self.label is None:
            return tables.prompts["gap"].to_numpy(dtype=float), pairs.tolist()
        joint = tables.probe(self.label, ["prompt", "n_kept", "value", "part"], part="joint")
        kept = by_prompt(joint, ["n_kept"])
        return (kept.iloc[:, -1] - kept.iloc[:, 0]).to_numpy(dtype=float), pairs.loc[kept.index].tolist()


@dataclass(frozen=True)
class Cell:
    """The finished points that share their levels on every axis that is no repetition."""

    levels: dict[str, str]
    points: list[Found]

    @property
    def words(self) -> str:
        """`dense, opposite`."""
        return ", ".join(self.levels.values()) or "all points"


def found_points(store: Store, states: dict[str, State]) -> list[Found]:
    """The finished runs of probes, whose results can be read."""
    points = [Found(one, store.point_folder(one)) for one in store.entries if states[one.hash].status == "finished"]
    return [one for one in points if (one.folder / "metrics.json").is_file()]


def axes_of(entries: Sequence[Entry]) -> list[str]:
    """The axes, in their order."""
    return list(dict.fromkeys(axis for entry in entries for axis in entry.labels))


def repeats_of(store: Store) -> list[str]:
    """The axes whose levels repeat a measurement."""
    axes, given = axes_of(store.entries), store.about["repeats"]
    if given is None:
        return [axis for axis in axes if axis == "seed"]
    for axis in given:
        if axis not in axes:
            raise UserError(f"sweep.repeats: there is no axis {axis!r}; {nearest(axis, axes)}")
    return list(given)


def cells_of(store: Store, points: Sequence[Found]) -> list[Cell]:
    """The cells, in the order of the grid."""
    repeats = repeats_of(store)
    grouped: dict[tuple[tuple[str, str], ...], list[Found]] = {}
    for one in points:
        levels = tuple((axis, level) for axis, level in one.entry.labels.items() if axis not in repeats)
        grouped.setdefault(levels, []).append(one)
    return [Cell(dict(levels), found) for levels, found in grouped.items()]
