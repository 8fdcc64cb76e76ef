"""Tasks `file` and `dataset`: prompt pairs in a table of one's own, with thousands of rows if need be."""

from __future__ import annotations

import abc
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.configs.external import EXTERNAL
from interp.configs.paths import user_path
from interp.errors import UserError
from interp.prompts.pairs import PromptPair
from interp.prompts.rows import NEEDED, OPTIONAL, ColumnName, Row, pairs_of
from interp.prompts.tables import first_row, read_rows
from interp.prompts.task import Task, tasks


class Table(Task):
    """What tasks with rows share."""

    any_length: ClassVar[bool] = True
    columns: dict[ColumnName, str] = Field(
        default={},
        description=f"Columns that are called otherwise, as in {{clean: prompt}}. Needed: {', '.join(NEEDED)}; optional: "
        f"{', '.join(OPTIONAL)}. Every column can be used in roles, as `{{column}}`.",
    )
    separator: str | None = Field(
        default=None,
        min_length=1,
        description="What stands between several right answers (or foils) in a cell, as in `he|him`; null: a cell is one answer.",
    )
    max_pairs: int | None = Field(
        default=None, ge=1, le=10**9, description="A seeded sample of as many pairs (clusters); null: all of them."
    )

    @abc.abstractmethod
    def rows(self) -> tuple[list[Row], str, int]:
        """Rows, what they are called in messages, and the first row's number."""

    def candidates(self) -> list[PromptPair]:
        """One prompt pair a row."""
        rows, where, first = self.rows()
        return pairs_of(rows, self.columns, where, first, self.separator)

    def corrupt(self, pairs: list[PromptPair], rng: np.random.Generator) -> list[PromptPair]:
        """All of them, or a seeded sample of clusters that holds the focus prompt's."""
        names = list(dict.fromkeys(pair.pair for pair in pairs))
        if self.max_pairs is None or len(names) <= self.max_pairs:
            return pairs
        focus = next((pair.pair for pair in pairs if pair.focus), names[0])
        drawn = [names[i] for i in rng.permutation(len(names)) if names[i] != focus]
        chosen = {focus, *drawn[: self.max_pairs - 1]}
        return [pair for pair in pairs if pair.pair in chosen]


@tasks.register
class FromFile(Table):
    """Prompt pairs in a file: .csv, .tsv, .jsonl or .parquet, one row a pair."""

    kind: Literal["file"] = "file"
    path: Annotated[str, EXTERNAL] = Field(description="The file, in UTF-8; the columns are told in docs/prompts.md.")

    def rows(self) -> tuple[list[Row], str, int]:
        """The file's rows, read once as long as the file stays as it is."""
        path = user_path(self.path, "prompts.task.path")
        try:
            state = path.stat()
        except OSError as error:
            raise UserError(f"prompts.task.path: the file {self.path} cannot be read: {error.strerror}") from None
        return list(_read(path, state.st_mtime_ns, state.st_size)), self.path, first_row(path)


@lru_cache(maxsize=2)
def _read(path: Path, modified: int, size: int) -> tuple[Row, ...]:
    return tuple(read_rows(path))


@tasks.register
class FromDataset(Table):
    """Prompt pairs in a data set of the hub (needs the extra `datasets`)."""

    kind: Literal["dataset"] = "dataset"
    name: str = Field(min_length=1, description="Name of the data set on the hub.")
    subset: str | None = Field(default=None, description="Its configuration, where it has several; null: the only one.")
    split: str = Field(default="train", description="Split that is read.")
    revision: str | None = Field(default=None, description="A commit of the data set, so that it stays what it is.")

    def rows(self) -> tuple[list[Row], str, int]:
        """The rows of the split."""
        return list(_load(self.name, self.subset, self.split, self.revision)), f"data set {self.name}", 1


@lru_cache(maxsize=2)
def _load(name: str, subset: str | None, split: str, revision: str | None) -> tuple[Row, ...]:
    try:
        import datasets
    except ImportError:
        raise UserError(
            "prompts.task: a data set of the hub needs the package `datasets`; pip install 'interp[datasets]'"
        ) from None
    try:
        return tuple(datasets.load_dataset(name, subset, split=split, revision=revision))
    except Exception as error:  # the hub, the network and the data set each raise their own
        line = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"prompts.task: the data set {name!r} cannot be loaded: {line[:200]}") from None
