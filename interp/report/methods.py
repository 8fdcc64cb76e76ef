"""The methods section of a paper, made from a config: paragraphs, and what they cite as BibTeX."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Methods:
    """What is (or was) measured, on what, and how; `citations` are BibTeX entries."""

    paragraphs: list[str]
    citations: list[str] = field(default_factory=list)

    @property
    def bibtex(self) -> str:
        """All entries, to be pasted into a .bib file."""
        return "\n\n".join(self.citations)
