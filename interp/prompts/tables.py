"""Files of rows: CSV, TSV, JSON lines and Parquet, by their ending; whatever is wrong with one is a sentence."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from interp.errors import UserError

Rows = list[dict[str, Any]]


def read_rows(path: Path) -> Rows:
    """The rows of a file, column -> value; UserError for a file that is missing, damaged or of another kind."""
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise UserError(f"{path}: a prompts file ends in {', '.join(READERS)}, not in {path.suffix!r}")
    if path.exists() and not path.is_file():  # a pipe would be waited for, a device read without end
        raise UserError(f"the prompts file {path} is a {'folder' if path.is_dir() else 'pipe or device'}, and no file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"the prompts file {path} cannot be read: {error.strerror}") from None
    return read(content, path)


def first_row(path: Path) -> int:
    """The number of the first row as an editor counts it."""
    return 2 if path.suffix.lower() in (".csv", ".tsv") else 1


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not in UTF-8 (byte {error.start + 1} is no character); save it as UTF-8, in a spreadsheet as "
            "`CSV UTF-8`"
        ) from None


def _csv(delimiter: str) -> Callable[[bytes, Path], Rows]:
    def read(content: bytes, path: Path) -> Rows:
        reader = csv.reader(io.StringIO(_text(content, path), newline=""), delimiter=delimiter, strict=True)
        try:
            lines = [line for line in reader if line]
        except csv.Error as error:
            raise UserError(f"{path}, line {reader.line_num}: {error}; is a quotation mark missing?") from None
        if not lines:
            raise UserError(f"{path} is empty; its first line must name the columns")
        header = lines[0]
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            raise UserError(f"{path}: the column {twice[0]!r} stands twice in the first line")
        uneven = next((n for n, line in enumerate(lines, 1) if len(line) != len(header)), None)
        if uneven is not None:
            raise UserError(
                f"{path}, row {uneven}: {len(lines[uneven - 1])} cells, but the first line names {len(header)} columns; "
                "put text that holds the separator into quotation marks"
            )
        return [dict(zip(header, line, strict=True)) for line in lines[1:]]

    return read


def _json_lines(content: bytes, path: Path) -> Rows:
    rows: Rows = []
    # Only a newline ends a line of JSON lines; splitlines() would also break at U+2028 inside a text.
    for number, line in enumerate(_text(content, path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_told_once)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}, line {number} is no JSON: {str(error)[:80]}") from None
        if not isinstance(row, Mapping):
            raise UserError(f"{path}, line {number} is no JSON object of columns, but a {type(row).__name__}")
        # The escapes of half a character are JSON, but no text: no table could keep it.
        if "\\u" in line and not _whole(json.dumps(row, ensure_ascii=False)):
            raise UserError(
                f"{path}, line {number} holds half a character (\\ud800 to \\udfff), which no table can keep"
            )
        rows.append(dict(row))
    return rows


def _whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _told_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands twice")
    return row


def _parquet(content: bytes, path: Path) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: Rows = pq.read_table(io.BytesIO(content)).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} is no Parquet file: {str(error).splitlines()[0][:80]}") from None
    return rows


READERS: dict[str, Callable[[bytes, Path], Rows]] = {
    ".csv": _csv(","),
    ".tsv": _csv("\t"),
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}
