"""Files that are whole or not there: written beside their place, flushed to disk, then renamed."""

from __future__ import annotations

import errno
import io
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.results.cells import without_formulas

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


TEMPORARY = ".partial"
FULL = (errno.ENOSPC, errno.EDQUOT)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically; UserError when the disk is full or the folder cannot be written."""
    with replaced(path) as file:
        file.write(content)


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file to write into; it takes its place when the block ends well. UserError as `write_bytes`."""
    temporary = path.with_name(path.name + TEMPORARY)
    with mendable(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.is_dir():
            raise UserError(f"{path} is a folder, where the run writes a file; move it away")
        os.replace(temporary, path)


@contextmanager
def mendable(folder: Path) -> Iterator[None]:
    """Turn an OSError into the sentence that says which folder cannot be written, and why."""
    try:
        yield
    except OSError as error:
        way_out = "free some space or choose" if error.errno in FULL else "choose"
        raise UserError(f"cannot write to {folder}: {error.strerror or error}; {way_out} another output.root") from None


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically: sorted keys, NaN and infinities as null."""
    write_text(path, json.dumps(without_nan(data), indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write .parquet or .csv atomically; the same table gives the same bytes."""
    buffer = io.BytesIO()
    if path.suffix == ".parquet":
        table.to_parquet(buffer, index=False, compression="zstd")
    else:
        without_formulas(table).to_csv(buffer, index=False, lineterminator="\n")
    write_bytes(path, buffer.getvalue())


def without_nan(data: Any) -> Any:
    """Plain JSON data."""
    if isinstance(data, dict):
        return {str(key): without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [without_nan(value) for value in data]
    if hasattr(data, "item"):
        data = data.item()
    return None if isinstance(data, float) and not math.isfinite(data) else data
