"""Names that become names of files and folders: the same on every system, and never a way out of the folder."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

PATTERN = r"^[A-Za-z0-9_.-]+$"
LONGEST = 100
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def _usable(name: str) -> str:
    if name.startswith(".") or name.endswith("."):
        raise ValueError(f"a name that files are called by neither begins nor ends with a dot, as {name!r} does")
    if RESERVED.fullmatch(name):
        raise ValueError(f"no file may be called {name!r} on Windows; choose another name")
    return name


FileName = Annotated[str, Field(pattern=PATTERN, max_length=LONGEST), AfterValidator(_usable)]
"""Letters, digits, `_`, `.` and `-`, with room for an ending."""


def is_file_name(name: object) -> bool:
    """Whether `name` could be a FileName."""
    if not isinstance(name, str) or not re.fullmatch(PATTERN, name) or len(name) > LONGEST:
        return False
    return not (RESERVED.fullmatch(name) or name.startswith(".") or name.endswith("."))


def same_file(name: str) -> str:
    """What two names have in common that are one file where upper and lower case are not told apart."""
    return name.casefold()
