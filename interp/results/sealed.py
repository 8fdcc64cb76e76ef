"""Digests, and JSON files that know when they have been changed: what a run keeps to go on from is believed only then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interp.results import atomic, reading

SEAL = "sha256"


def digest_of(data: Any) -> str:
    """SHA-256, in hex, of plain data: the same for the same values, whatever the order of keys."""
    return hashlib.sha256(json.dumps(atomic.without_nan(data), sort_keys=True, default=str).encode()).hexdigest()


def digest_of_file(path: Path) -> str | None:
    """SHA-256 of a file's bytes; None where no file can be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def write(path: Path, data: Mapping[str, object]) -> None:
    """Write JSON atomically, with the digest of its content in it."""
    atomic.write_json(path, {**data, SEAL: digest_of(data)})


def read(path: Path) -> dict[str, Any]:
    """What `write` wrote; Damaged when the file is missing, unreadable, or has been changed since."""
    data = reading.read_json(path)
    if data.pop(SEAL, None) != digest_of(data):
        raise reading.Damaged(f"{path} is not as the run wrote it")
    return data
