"""The tables of one run, read back from its folder: all that figures and reports ever see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interp.lazy import lazy
from interp.results import reading

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

SCREENED = "screen"
"""The part of a probe's table that holds estimates beside its effects."""


@dataclass(frozen=True)
class RunTables:
    """Everything that a finished run wrote, without a model.

    `effects` is the primary record (one row per variant and prompt), `summary` its means with intervals, `metrics`
    what each probe concluded; `config` is the resolved YAML. Columns are listed in docs/tables.md.
    """

    effects: pd.DataFrame
    summary: pd.DataFrame
    prompts: pd.DataFrame
    dropped: pd.DataFrame
    metrics: dict[str, Any]
    config: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> RunTables:
        """Read a run folder; UserError when a table is missing or damaged."""
        types: Any = {**dict.fromkeys(TEXTS, str), **dict.fromkeys(("layer", "head", "n_kept"), "Int64")}
        return cls(
            effects=reading.read_parquet(folder / "effects.parquet"),
            summary=reading.read_csv(
                folder / "summary.csv",
                dtype=types,
                keep_default_na=False,
                na_values={name: [""] for name in NUMBERS},
            ),
            prompts=reading.read_parquet(folder / "prompts.parquet"),
            dropped=reading.read_csv(folder / "dropped.csv", dtype=str, keep_default_na=False),
            metrics=reading.read_json(folder / "metrics.json"),
            config=reading.read_yaml(folder / "config.resolved.yaml"),
        )

    def probe(self, label: str) -> pd.DataFrame:
        """The effects of one probe, by its label."""
        return self.effects[self.effects["probe"] == label]

    def summary_of(self, label: str, **equals: object) -> pd.DataFrame:
        """The summary rows of one probe whose columns equal the given values.

        Without the estimates of a screened search, which are no effects and must not stand beside them.
        """
        rows = self.summary[(self.summary["probe"] == label) & (self.summary["part"] != SCREENED)]
        for column, value in equals.items():
            rows = rows[rows[column] == value]
        return rows


# Whatever a user may name, `1` and `01` included: a name that is read as a number is found nowhere.
TEXTS = (
    *("model", "probe", "kind", "part", "method", "base", "source", "site", "group", "query_label", "key_label"),
    *("set", "template", "pair"),
)
NUMBERS = (
    *("layer", "head", "n_kept", "n", "n_pairs", "mean", "sem", "ci_low", "ci_high"),
    *("norm_mean", "norm_ci_low", "norm_ci_high", "value_mean", "value_ci_low", "value_ci_high"),
)
