"""JSON files that came with somebody's model, read with suspicion: whatever is in them, the answer is one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from interp.errors import UserError


def read_mapping(path: Path, field: str) -> dict[str, Any]:
    """The JSON object in a file; UserError (beginning with the config's `field`) when the file holds anything else."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{field}: {path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:  # bad UTF-8 is a ValueError, too
        raise UserError(f"{field}: {path} cannot be read: it is no JSON ({one_line(error)})") from None
    if not isinstance(data, dict):
        raise UserError(f"{field}: {path} cannot be read: it must hold a JSON object, not a {type(data).__name__}")
    return data


def one_line(error: BaseException, most: int = 200) -> str:
    """What a library says of a user's file, short and on one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= most else f"{text[:most]} ..."


def named(names: list[str], most: int = 3) -> str:
    """A few of many names: `a, b, c and 7 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
