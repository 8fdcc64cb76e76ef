"""What a recipe tells the report: sentences and the order of things, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TableBlock:
    """A table of text cells; columns named in `verbatim` hold prompts or code and are shown letter by letter."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    note: str = ""
    verbatim: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.title!r}: a row of {len(row)} cells under {len(self.columns)} columns")


@dataclass(frozen=True)
class Section:
    """A part of the report; `figures` are file stems."""

    title: str
    text: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
    tables: list[TableBlock] = field(default_factory=list)


@dataclass(frozen=True)
class Story:
    """A report's sentences, computed from the run's tables."""

    title: str
    question: str
    answer: list[str]
    observations: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
