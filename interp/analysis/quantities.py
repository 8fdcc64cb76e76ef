"""The quantities of a finished run: every number with an interval, and every plain number, that its conclusions hold.

Found by their shape in the plain data of metrics.json (or of what another kind of run concludes), so that a probe of another
package is collected like any other. A quantity is called by its path, `key_query_heads.total.effect`; lists (curves, rankings)
are no quantities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

VALUES = ("mean", "value", "edges")
"""Fields of a mapping that say its number, where `low` and `high` say the interval."""
NAMED = ("n", "share", "first", "staying")
"""Fields whose interval stands beside them as `<field>_low`, `<field>_high`."""
LEAVE_OUT = ("resampled", "model", "focus", "in_sample")


@dataclass(frozen=True)
class Quantity:
    """One number of a run. `value` is None where it is undefined, or never reached; `n` counts what an interval rests on."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    sem: float | None = None
    n: int | None = None
    n_clusters: int | None = None


def quantities(data: Mapping[str, object], path: str = "") -> Iterator[Quantity]:
    """Every quantity of plain data, in its order."""
    for name, value in data.items():
        here = f"{path}.{name}" if path else str(name)
        if name in LEAVE_OUT or name.endswith(("_low", "_high")):
            continue
        if isinstance(value, dict):
            yield from _of_mapping(value, here)
        elif isinstance(value, bool):
            continue
        elif isinstance(value, int | float) or (value is None and f"{name}_low" in data):
            low, high = data.get(f"{name}_low"), data.get(f"{name}_high")
            yield Quantity(here, _number(value), _number(low), _number(high))


def _of_mapping(data: Mapping[str, object], here: str) -> Iterator[Quantity]:
    name = next((name for name in VALUES if name in data), None)
    if name is None or not {"low", "high"} <= data.keys():
        yield from quantities(data, here)
        return
    value, low, high, sem = (_number(data.get(key)) for key in (name, "low", "high", "sem"))
    yield Quantity(here, value, low, high, sem, *_counts(data))


def _counts(data: Mapping[str, object]) -> tuple[int | None, int | None]:
    n, clusters = data.get("n"), data.get("n_clusters")
    return (n if isinstance(n, int) else None), (clusters if isinstance(clusters, int) else None)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
