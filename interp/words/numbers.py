"""Numbers for people: as many digits as the interval supports, a dash where there is no number."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeGuard

from interp.analysis.findings import EstimateFound

NONE = "—"
NUMBER = re.compile(r"[−+-]?\d[\d,]*(\.\d+)?([eE][−+-]?\d+)?( %)?|—|")


def number(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A value in its own unit: two significant digits of the interval's half width, or three of its own."""
    if not defined(value):
        return NONE
    return fixed(value, _decimals(value, low, high))


def interval(low: float | None, high: float | None) -> str:
    """`[9.09, 10.49]`, with as many decimals as `number` gives the value between them."""
    if not (defined(low) and defined(high)):
        return NONE
    return fixed_interval(low, high, _decimals(max(abs(low), abs(high)), low, high))


def estimate(measured: EstimateFound) -> str:
    """`9.75 [9.09, 10.49]`; the interval is left out where it is undefined."""
    return around(measured.mean, measured.low, measured.high)


def around(mean: float | None, low: float | None, high: float | None) -> str:
    """The same of three numbers."""
    text = number(mean, low, high)
    return text if NONE in (text, inside := interval(low, high)) else f"{text} {inside}"


def fixed(value: float | None, decimals: int, signed: bool = False) -> str:
    """`−0.05`, `+0.100`: as many decimals whatever the size, for what is read one below the other."""
    if not defined(value):
        return NONE
    # Rounding first keeps `-0.00` out.
    return f"{round(value, decimals) + 0.0:{'+' if signed else ''},.{decimals}f}".replace("-", "−")


def fixed_interval(low: float | None, high: float | None, decimals: int, signed: bool = False) -> str:
    """`[+0.082, +0.112]`, or a dash where there is no interval."""
    if not (defined(low) and defined(high)):
        return NONE
    return f"[{fixed(low, decimals, signed)}, {fixed(high, decimals, signed)}]"


def two(value: float | None) -> str:
    """Two decimals."""
    return fixed(value, 2)


def bracket(low: float | None, high: float | None, style: Callable[[float], str]) -> str:
    """` [8 %, 12 %]`, to be put behind a number; nothing where there is no interval."""
    return "" if not (defined(low) and defined(high)) else f" [{style(low)}, {style(high)}]"


def needed(n: float | None, low: float | None = None, high: float | None = None) -> str:
    """How many are needed: `8`, `8 [7, 9]`, `1,294 [980, …]` where some resamples never reach the target, or `never`."""
    return "never" if n is None else fixed(n, 0) + ends(low, high)


def ends(low: float | None, high: float | None, beyond: str = "…") -> str:
    """` [7, 9]`, to be put behind a count; `beyond` stands for an end that is not reached."""
    if low is None and high is None:
        return ""
    return " [" + ", ".join(beyond if end is None else fixed(end, 0) for end in (low, high)) + "]"


def significant(value: float | None, digits: int) -> str:
    """`0.034`, `1e−05`: as many digits that count, for p values and steps."""
    return f"{value:.{digits}g}".replace("-", "−") if defined(value) else NONE


def defined(value: float | None) -> TypeGuard[float]:
    """Whether there is a number to print: not None, NaN or infinite."""
    return value is not None and math.isfinite(value)


def is_number(text: str) -> bool:
    """Whether a table's cell holds one number (or none), so that its column can be set flush right."""
    return NUMBER.fullmatch(text) is not None


def _decimals(value: float, low: float | None, high: float | None) -> int:
    if defined(low) and defined(high) and high > low:
        return _clip(1 - math.floor(math.log10((high - low) / 2)))
    rounded = abs(float(f"{value:.3g}"))  # 9.998 has two digits before its point once it is printed
    return 2 if rounded == 0 else _clip(2 - math.floor(math.log10(rounded)))


def _clip(decimals: int) -> int:
    return min(max(decimals, 0), 6)
