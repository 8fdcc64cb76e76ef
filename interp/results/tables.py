"""The tables of one run, read back from its folder: all that figures and reports ever see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from interp.analysis.findings import VERSION, Findings, Plain
from interp.analysis.findings_of_run import Metrics, RunFindings
from interp.analysis.shapes import Shape, shapes_in
from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.results import reading
from interp.results.effects_file import InMemory, OnDisk
from interp.results.parts import FRESH

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

F = TypeVar("F", bound=Findings)
P = TypeVar("P", bound=Plain)
SCREENED = "screen"
"""The part of a probe's table that holds estimates beside its effects."""


@dataclass(frozen=True)
class RunTables:
    """Everything that a finished run wrote, without a model.

    `record` is the primary record (one row per variant and prompt), `summary` its means with intervals, `metrics`
    what each probe concluded; `dropped` says what was left out, `candidates` how the model does before any filter;
    `config` is the resolved YAML. Columns are listed in docs/tables.md.
    """

    record: OnDisk | InMemory
    summary: pd.DataFrame
    prompts: pd.DataFrame
    dropped: pd.DataFrame
    candidates: pd.DataFrame
    metrics: Metrics
    config: Mapping[str, object]

    @classmethod
    def load(cls, folder: Path) -> RunTables:
        """Read a run folder; UserError when a table is missing or damaged."""
        types: Any = {**dict.fromkeys(TEXTS, str), **dict.fromkeys(("layer", "head", "n_kept"), "Int64")}
        return cls(
            record=effects_of(folder),
            summary=reading.read_csv(
                folder / "summary.csv",
                dtype=types,
                keep_default_na=False,
                na_values={name: [""] for name in NUMBERS},
            ),
            prompts=reading.read_parquet(folder / "prompts.parquet"),
            dropped=reading.read_csv(folder / "dropped.csv", dtype=str, keep_default_na=False),
            candidates=reading.read_csv(
                folder / "candidates.csv",
                dtype={**dict.fromkeys(("pair", "template", "clean", "answer", "said"), str), "right": bool},
                keep_default_na=False,
                na_values={"log_prob": [""]},
            ),
            metrics=read_metrics(folder / "metrics.json"),
            config=reading.read_yaml(folder / "config.resolved.yaml"),
        )

    @property
    def effects(self) -> pd.DataFrame:
        """The whole record, which may be large; `probe` reads what is needed."""
        return self.record.frame()

    @property
    def labels(self) -> list[str]:
        """The probes, in the order in which they ran."""
        return self.record.labels()

    @property
    def run(self) -> RunFindings:
        """What was asked, of which model, and how the metric stands before any edit."""
        return self.metrics.run

    @property
    def kinds(self) -> dict[str, str]:
        """Label -> kind of every probe."""
        return {label: findings.kind for label, findings in self.metrics.probes.items()}

    def findings(self, label: str, of: type[F]) -> F:
        """What a probe concluded, typed; UserError where it was written by a version that said it otherwise."""
        return concluded(self.metrics, label, of)

    def findings_of(self, kind: str, of: type[F]) -> dict[str, F]:
        """What every probe of a kind concluded, typed, by its label."""
        return {label: self.findings(label, of) for label, mine in self.kinds.items() if mine == kind}

    def ablation(self, label: str) -> str | None:
        """What a search replaces an edge's value by; None for a probe that does not say so."""
        ablation: str | None = getattr(self.metrics.probes[label], "ablation", None)
        return ablation

    def probe(self, label: str, columns: Sequence[str] | None = None, **equals: object) -> pd.DataFrame:
        """The effects of one probe, by its label; some columns of them, and the rows where others have the given values."""
        return self.record.rows(label, columns, **equals)

    def values_of(self, label: str, *columns: str) -> pd.DataFrame:
        """Every combination of values in some columns of one probe's effects, once."""
        return self.record.distinct(label, columns)

    def like(self, label: str, columns: Sequence[str], wanted: pd.DataFrame) -> pd.DataFrame:
        """The effects of one probe that are like a row of `wanted` in all of its columns; a probe may have more than fit."""
        return self.record.like(label, columns, wanted)

    def shapes(self, label: str) -> frozenset[Shape]:
        """Every shape of table that a probe's summary holds; told once, for every figure of a report asks."""
        if label not in self._shapes:
            self._shapes[label] = shapes_in(self.summary_of(label))
        return self._shapes[label]

    @cached_property
    def _shapes(self) -> dict[str, frozenset[Shape]]:
        return {}

    def summary_of(self, label: str, **equals: object) -> pd.DataFrame:
        """The summary rows of one probe whose columns equal the given values.

        Without the estimates of a screened search, which are no effects and must not stand beside them.
        """
        rows = self.summary[(self.summary["probe"] == label) & (self.summary["part"] != SCREENED)]
        for column, value in equals.items():
            rows = rows[rows[column] == value]
        return rows


def concluded(metrics: Metrics, label: str, of: type[F]) -> F:
    """What a probe concluded, typed; UserError where it was written by a version that said it otherwise."""
    findings = metrics.probes[label]
    return findings if isinstance(findings, of) else _read(of, findings.plain(), f"the probe {label!r}")


def read_metrics(path: Path) -> Metrics:
    """metrics.json; UserError where it is damaged, or of another version."""
    data = reading.read_json(path)
    # Runs from before there was a number have the first schema, but for what was added since.
    if data.get("schema_version", VERSION) != VERSION:
        raise UserError(
            f"{path} has schema_version {data['schema_version']!r}, and this version of interp reads {VERSION}; draw the report "
            f"with the version that measured it, or {FRESH}"
        )
    return _read(Metrics, data, "the run")


def _read(of: type[P], data: Mapping[str, object], what: str) -> P:
    try:
        return of.model_validate(data)
    except ValidationError:
        raise UserError(f"what metrics.json says of {what} was written by another version of interp; {FRESH}") from None


def effects_of(folder: Path) -> OnDisk:
    """The primary record of a run folder, read as far as it is looked at; Damaged where it cannot be."""
    path = folder / "effects.parquet"
    with reading.guarded(path):
        record = OnDisk(path)
        record.labels()
    return record


# Whatever a user may name, `1` and `01` included: a name that is read as a number is found nowhere.
TEXTS = (
    *("model", "probe", "kind", "part", "method", "base", "source", "site", "group", "query_label", "key_label"),
    *("set", "template", "pair"),
)
NUMBERS = (
    *("layer", "head", "n_kept", "n", "n_pairs", "mean", "sem", "ci_low", "ci_high"),
    *("norm_mean", "norm_ci_low", "norm_ci_high", "value_mean", "value_ci_low", "value_ci_high"),
)
