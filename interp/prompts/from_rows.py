"""Tasks of rows that are in memory already: lists and frames of a notebook. No YAML names them, so they are not registered."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import SkipValidation

from interp.prompts.from_file import Table
from interp.prompts.rows import Row


class FromRows(Table):
    """Prompt pairs as rows: column -> value. A row that does not fit is left out."""

    kind: Literal["rows"] = "rows"
    given: SkipValidation[tuple[Row, ...]]
    where: str = "the frame"

    def rows(self) -> tuple[list[Row], str, int]:
        """The rows, counted from 0 as Python does."""
        return list(self.given), self.where, 0


class WrittenOut(FromRows):
    """The same, written out one by one: a row that does not fit is a mistake."""

    strict: ClassVar[bool] = True
    where: str = "the lists"
