"""Two finished runs beside each other: what their configs say differently, and what they conclude."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from interp.analysis.quantities import Quantity, quantities
from interp.errors import UserError
from interp.results import reading
from interp.results.run_folder import MANIFEST, RESOLVED, RunFolder
from interp.runs.kinds import kind_of

NAMES = ("name", "kind", "source")
"""What an entry of a list of mappings is called by: a probe by its label, a figure by its kind."""
UNASKED = ("output",)
"""Fields that decide no number."""


@dataclass(frozen=True)
class Number:
    """A quantity of both runs. `apart`: their intervals do not overlap (of two runs, no test of a difference)."""

    name: str
    first: Quantity
    second: Quantity

    @property
    def apart(self) -> bool:
        """None of the ends may be missing."""
        ends = (self.first.low, self.first.high, self.second.low, self.second.high)
        if any(end is None for end in ends):
            return False
        low, high, other_low, other_high = (end or 0.0 for end in ends)
        return high < other_low or other_high < low

    @property
    def has_interval(self) -> bool:
        """Whether either run has one."""
        return self.first.low is not None or self.second.low is not None

    @property
    def differs(self) -> bool:
        """Whether it is not the same number."""
        return (self.first.value, self.first.low, self.first.high) != (
            self.second.value,
            self.second.low,
            self.second.high,
        )


@dataclass(frozen=True)
class Heads:
    """The heads that a search selects in both runs, and in only one; in the order of importance."""

    probe: str
    both: list[str]
    first: list[str]
    second: list[str]


@dataclass(frozen=True)
class Comparison:
    """Everything that is told of two runs; `config` and `software` as (path, first, second), None where there is nothing."""

    runs: tuple[str, str]
    config: list[tuple[str, Any, Any]]
    software: list[tuple[str, Any, Any]]
    numbers: list[Number] = field(default_factory=list)
    heads: list[Heads] = field(default_factory=list)
    only: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    """Quantities that one run alone has."""

    def plain(self) -> Mapping[str, object]:
        """For JSON."""
        return {
            "runs": list(self.runs),
            "config": [dict(zip(("field", "first", "second"), difference, strict=True)) for difference in self.config],
            "software": [
                dict(zip(("field", "first", "second"), difference, strict=True)) for difference in self.software
            ],
            "numbers": [
                {
                    "name": number.name,
                    "first": _plain(number.first),
                    "second": _plain(number.second),
                    "apart": number.apart,
                }
                for number in self.numbers
            ],
            "heads": [asdict(heads) for heads in self.heads],
            "only_in_first": list(self.only[0]),
            "only_in_second": list(self.only[1]),
        }


def compare(first: Path, second: Path) -> Comparison:
    """What differs between two runs; UserError where one is no finished run, or cannot be read."""
    both = [_Run.read(path) for path in (first, second)]
    left, right = (run.told for run in both)
    names = [name for name in left if name in right]
    return Comparison(
        runs=(str(first), str(second)),
        config=list(differences(both[0].config, both[1].config)),
        software=list(differences(both[0].software, both[1].software)),
        numbers=[Number(name, left[name], right[name]) for name in names],
        heads=list(_heads(*(run.concluded for run in both))),
        only=([name for name in left if name not in right], [name for name in right if name not in left]),
    )


@dataclass(frozen=True)
class _Run:
    config: Mapping[str, object]
    software: Mapping[str, object]
    concluded: Mapping[str, object]

    @classmethod
    def read(cls, path: Path) -> _Run:
        folder = RunFolder.existing(path)
        path = folder.path
        config = reading.read_yaml(path / RESOLVED)
        if "sweep" in config:
            raise UserError(
                f"{path} is the folder of a sweep, which is many runs; name two of its points, below points/"
            )
        manifest = folder.manifest()
        if not folder.finished:
            said = f"its status is {manifest.status!r}" if manifest.status else f"{MANIFEST} is missing or damaged"
            raise UserError(f"{path} is not a finished run ({said}); run its config first")
        software = {**manifest.versions, "code": manifest.code.get("the code of interp"), "seconds": manifest.seconds}
        kept = {key: value for key, value in config.items() if key not in UNASKED}
        return cls(kept, software, kind_of(config, str(path)).concluded(folder))

    @property
    def told(self) -> dict[str, Quantity]:
        return {quantity.name: quantity for quantity in quantities(self.concluded)}


def differences(first: Any, second: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(dotted path, first, second) of every value that differs; None where one has none. Lists of named entries go by name."""
    left, right = (_by_name(value) for value in (first, second))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for name in dict.fromkeys([*left, *right]):
            yield from differences(left.get(name), right.get(name), f"{path}.{name}" if path else str(name))
    elif first != second:
        yield path, first, second


def _by_name(value: Any) -> Any:
    """A list of mappings that all have a name, and each another, as a mapping; anything else as it is."""
    if not isinstance(value, list) or not value or not all(isinstance(mapping, dict) for mapping in value):
        return value
    names = [next((str(mapping[key]) for key in NAMES if mapping.get(key)), "") for mapping in value]
    return dict(zip(names, value, strict=True)) if all(names) and len(set(names)) == len(names) else value


def _heads(first: Mapping[str, object], second: Mapping[str, object]) -> Iterator[Heads]:
    for probe in first:
        left, right = (_selected(concluded.get(probe)) for concluded in (first, second))
        if left is None or right is None:
            continue
        yield Heads(
            probe,
            both=[head for head in left if head in right],
            first=[head for head in left if head not in right],
            second=[head for head in right if head not in left],
        )


def _selected(finding: Any) -> list[str] | None:
    """The heads that a search selects, by its definition of a share; None of anything else."""
    try:
        heads = finding["shares"][finding["definition"]]["heads"]
        return [str(head["label"]) for head in heads]
    except (KeyError, TypeError):
        return None


def _plain(quantity: Quantity) -> dict[str, float | None]:
    return {"value": quantity.value, "low": quantity.low, "high": quantity.high}
