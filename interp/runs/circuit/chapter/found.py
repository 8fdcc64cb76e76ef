"""A finished run of probes, as a sweep's report reads it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from interp.analysis.findings import MeanFound
from interp.analysis.findings_of_heads import HeadCount, HeadFindings
from interp.analysis.findings_of_run import Metrics, RunFindings
from interp.probes.base import by_prompt
from interp.results.reading import read_parquet
from interp.results.tables import concluded, effects_of, read_metrics
from interp.runs.chapter import Point

HEADS = "key_query_heads"


@dataclass(frozen=True)
class Found:
    """A finished run of probes."""

    point: Point

    @property
    def labels(self) -> dict[str, str]:
        """Axis -> level."""
        return self.point.labels

    @cached_property
    def metrics(self) -> Metrics:
        """metrics.json."""
        return read_metrics(self.point.folder / "metrics.json")

    @property
    def run(self) -> RunFindings:
        """What it says of the whole run."""
        return self.metrics.run

    @cached_property
    def label(self) -> str | None:
        """The label of its search for heads; None without one."""
        return next((label for label, probe in self.metrics.probes.items() if probe.kind == HEADS), None)

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
        return np.array([np.inf if count is None else float(count) for count in counts])

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
        """The same by prompt, and the word pair of every prompt; only what is needed is read, of a thousand points, too."""
        folder = self.point.folder
        prompts = read_parquet(folder / "prompts.parquet")
        pairs = prompts.set_index("prompt")["pair"].astype(str)
        if self.label is None:
            return prompts["gap"].to_numpy(dtype=float), pairs.tolist()
        joint = effects_of(folder).rows(self.label, ["prompt", "n_kept", "value", "part"], part="joint")
        kept = by_prompt(joint, ["n_kept"])
        return (kept.iloc[:, -1] - kept.iloc[:, 0]).to_numpy(dtype=float), pairs.loc[kept.index].tolist()
