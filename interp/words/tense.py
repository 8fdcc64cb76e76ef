"""One sentence for what a run will do and for what it did: methods are told in the passive, and only its verb changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tense:
    """The verbs of a methods section: f"every edge {it.is_} replaced"."""

    is_: str
    are: str
    past: bool = False


BEFORE = Tense("is", "are")
AFTER = Tense("was", "were", past=True)
