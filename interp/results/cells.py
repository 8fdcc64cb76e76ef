"""Text in CSV cells that a spreadsheet would run as a formula: an apostrophe in front, which reading takes away again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Apostrophes that were there before are told from ours by having one more.
FORMULA = re.compile(r"'*[=+\-@\t\r]")
QUOTED = re.compile(r"'+[=+\-@\t\r]")


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is written: text that begins like a formula (= + - @) has an apostrophe in front."""
    return _mapped(table, lambda text: f"'{text}" if FORMULA.match(text) else text)


def as_it_was(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it was before `without_formulas`."""
    return _mapped(table, lambda text: text[1:] if QUOTED.match(text) else text)


def _mapped(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    texts = [name for name in table.columns if not _is_number(table[name])]
    changed = {name: table[name].map(lambda cell: change(cell) if isinstance(cell, str) else cell) for name in texts}
    return table.assign(**changed) if changed else table


def _is_number(column: pd.Series) -> bool:
    return column.dtype.kind in "biufc"
