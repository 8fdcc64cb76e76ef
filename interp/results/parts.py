"""Finished pieces of a run, and what each was made from: a piece made from anything else is never taken for this run's.

A part is `parts/<label>.json` (findings, the digests of its files, what it was made from) and the files that it vouches
for. It counts when the notes are as they were written and every file has its digest; else it is made again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.results import reading, sealed

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

FRESH = "start anew with --fresh (with make: FRESH=1)"
HEX = 64


@dataclass(frozen=True)
class Part:
    """A whole part.

    `made_from` maps what it depends on, in words, to a digest or version; `builds_on` earlier parts, by label, to theirs.
    `cost` (seconds, counts) is no result.
    """

    findings: Mapping[str, object]
    made_from: dict[str, str]
    files: dict[str, str]
    cost: dict[str, Any] = field(default_factory=dict)
    builds_on: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Of what the part says; what others that build on it depend on."""
        return sealed.digest_of([self.findings, self.files])


class Parts:
    """The parts of one run folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __bool__(self) -> bool:
        return any((self._root / "parts").glob("*.json"))

    def read(self, label: str) -> Part | None:
        """The part, if it is there and whole, whatever it was made from."""
        try:
            part = Part(**sealed.read(self._notes(label)))
            whole = all(sealed.digest_of_file(self._root / name) == digest for name, digest in part.files.items())
        except (reading.Damaged, TypeError, AttributeError):
            return None
        return part if whole else None

    def find(self, label: str, made_from: Mapping[str, str]) -> Part | None:
        """The part of this very run, None when it is missing or damaged; UserError when it was made from something else."""
        part = self.read(label)
        if part is not None:
            must_agree(f"{self._root}: its finished part {label!r}", part.made_from, made_from)
        return part

    def save(
        self,
        label: str,
        findings: Mapping[str, object],
        made_from: Mapping[str, str],
        files: Sequence[str],
        cost: Mapping[str, Any] | None = None,
        builds_on: Mapping[str, str] | None = None,
    ) -> None:
        """Keep a part whose files are written. The notes come last: without them it does not count."""
        digests = {name: str(sealed.digest_of_file(self._root / name)) for name in files}
        part = Part(findings, dict(made_from), digests, dict(cost or {}), dict(builds_on or {}))
        sealed.write(self._notes(label), vars(part))

    def table(self, label: str) -> pd.DataFrame:
        """The table of such a part; Damaged when it cannot be read."""
        return reading.read_parquet(self._root / table_name(label))

    def _notes(self, label: str) -> Path:
        return self._root / "parts" / f"{label}.json"


def table_name(label: str) -> str:
    """Where the table of a part lies in the run folder."""
    return f"parts/{label}.parquet"


def must_agree(what: str, then: Mapping[str, str], now: Mapping[str, str]) -> None:
    """UserError that says what has changed, when `then` and `now` (what something was made from) differ."""
    changed = differences(then, now)
    if changed:
        shown = "; ".join(changed[:3]) + (f"; and {len(changed) - 3} more" if len(changed) > 3 else "")
        raise UserError(f"{what} was made from something else ({shown}); put back what it was made from, or {FRESH}")


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What differs, in words: `the weights were 3f2a9c11d0 and are 91bc1d77aa`."""
    said = []
    for name in sorted({*then, *now}, key=lambda name: (name not in then or name not in now, name)):
        before, after = then.get(name), now.get(name)
        if before == after:
            continue
        if before is None or after is None:
            said.append(f"{name}: {'new' if before is None else 'not there any more'}")
        else:
            said.append(f"{name}: {_short(before)} then, {_short(after)} now")
    return said


def _short(value: str) -> str:
    return value[:10] if len(value) == HEX else value
