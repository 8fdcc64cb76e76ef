"""Effects tables on disk, written and read in parts: a table of twenty million rows is never in memory as a whole.

The file is the one that pandas would write of the whole table in one go, byte for byte: row groups of 2^20 rows, texts
dictionary-encoded in order of appearance, and a schema of plain texts. What differs is what it takes: a text that stands
in a million rows (a prompt of 200 words) is never laid out a million times.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.configs.lazy import lazy
from interp.results import atomic
from interp.results.columns import EFFECTS, HELD, STORED

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

else:
    pd, pa, pq = lazy("pandas"), lazy("pyarrow"), lazy("pyarrow.parquet")

ROWS_A_GROUP = 2**20
ROWS_AT_ONCE = 2**17
"""Rows of a part that is made, read or copied at once."""


def write(path: Path, frames: Iterable[pd.DataFrame]) -> None:
    """Write frames with the columns of EFFECTS (or some of them) one after another, as one table; atomic.

    Raises UserError when the disk is full or the folder cannot be written.
    """
    parts = _regrouped(frames)
    first = next(parts)
    schema = _schema(list(first[0].columns))
    with atomic.replaced(path) as file:
        # The schema of plain texts is what readers see; the writer is given dictionaries.
        writer = pq.ParquetWriter(file, _group(first, schema).schema, compression="zstd", store_schema=False)
        writer.write_table(_group(first, schema), row_group_size=ROWS_A_GROUP)
        del first
        for part in parts:
            writer.write_table(_group(part, schema), row_group_size=ROWS_A_GROUP)
        serialised = base64.b64encode(schema.serialize().to_pybytes())
        writer.add_key_value_metadata({**schema.metadata, b"ARROW:schema": serialised})
        writer.close()


def read(path: Path, columns: Sequence[str] | None = None, **equals: object) -> pd.DataFrame:
    """The rows whose columns equal the given values, compact (see HELD): texts are categories."""
    return stacked(list(frames(path, columns, **equals)))


class EffectsFile:
    """A table on disk in parts, its row groups; see `read` for what they hold."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with pq.ParquetFile(path) as file:
            self._n_parts = file.num_row_groups

    def __len__(self) -> int:
        return self._n_parts

    def part(self, number: int, columns: Sequence[str]) -> pd.DataFrame:
        """Some columns of one row group."""
        return stacked(list(_batches(self._path, columns, [number])))


class OnDisk:
    """The effects of a run's probes, read as far as they are looked at."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def labels(self) -> list[str]:
        """The probes, in the order in which they ran."""
        parts = (frame["probe"].drop_duplicates() for frame in frames(self._path, ["probe"]))
        return list(dict.fromkeys(str(label) for part in parts for label in part))

    def rows(self, label: str, columns: Sequence[str] | None, **equals: object) -> pd.DataFrame:
        """Some rows and columns of one probe, compact."""
        return read(self._path, columns, probe=label, **equals)

    def distinct(self, label: str, columns: Sequence[str]) -> pd.DataFrame:
        """Every combination of values that some columns of one probe have, once, in order of appearance."""
        parts = [frame.drop_duplicates() for frame in frames(self._path, columns, probe=label)]
        return stacked(parts).drop_duplicates(ignore_index=True)

    def like(self, label: str, columns: Sequence[str], wanted: pd.DataFrame) -> pd.DataFrame:
        """The rows of one probe that have the values of a row of `wanted` in all of its columns."""
        parts = frames(self._path, [*dict.fromkeys([*columns, *wanted.columns])], probe=label)
        return stacked([frame[_like(frame, wanted)] for frame in parts])

    def frame(self) -> pd.DataFrame:
        """All of them, as pandas reads the file."""
        return pd.read_parquet(self._path)


class InMemory:
    """The same of a table in memory."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table

    def labels(self) -> list[str]:
        """The probes, in the order in which they ran."""
        return [str(label) for label in self._table["probe"].unique()]

    def rows(self, label: str, columns: Sequence[str] | None, **equals: object) -> pd.DataFrame:
        """Some rows and columns of one probe."""
        rows = self._table[self._table["probe"] == label]
        for name, value in equals.items():
            rows = rows[rows[name] == value]
        return rows[list(columns or rows.columns)]

    def distinct(self, label: str, columns: Sequence[str]) -> pd.DataFrame:
        """As OnDisk.distinct."""
        return self.rows(label, columns).drop_duplicates(ignore_index=True)

    def like(self, label: str, columns: Sequence[str], wanted: pd.DataFrame) -> pd.DataFrame:
        """As OnDisk.like."""
        rows = self.rows(label, [*dict.fromkeys([*columns, *wanted.columns])])
        return rows[_like(rows, wanted)]

    def frame(self) -> pd.DataFrame:
        """All of them."""
        return self._table


def frames(path: Path, columns: Sequence[str] | None = None, **equals: object) -> Iterator[pd.DataFrame]:
    """The same in parts of at most ROWS_AT_ONCE rows; one at least, which may be empty."""
    wanted = list(columns or pq.read_schema(path).names)
    n_found = 0
    for frame in _batches(path, [*wanted, *(name for name in equals if name not in wanted)]):
        for name, value in equals.items():
            frame = frame[frame[name] == value]
        if len(frame):
            yield frame[wanted]
        n_found += len(frame)
    if n_found == 0:
        yield pd.DataFrame({name: pd.Series(dtype=HELD[EFFECTS[name]]) for name in wanted})


def _like(rows: pd.DataFrame, wanted: pd.DataFrame) -> np.ndarray:
    """Which rows have the values of a row of `wanted` in all of its columns; a missing value is like another one."""
    mask = np.zeros(len(rows), dtype=bool)
    missing = {name: rows[name].isna().to_numpy(bool) for name in wanted.columns}
    for row in wanted.to_dict("records"):
        same = [
            missing[str(name)] if pd.isna(value) else (rows[str(name)] == value).fillna(False).to_numpy(bool)
            for name, value in row.items()
        ]
        mask |= np.logical_and.reduce(same)
    return mask


def _batches(path: Path, columns: Sequence[str], groups: Sequence[int] | None = None) -> Iterator[pd.DataFrame]:
    texts = [name for name, kind in EFFECTS.items() if kind == "text"]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE, row_groups=groups, columns=list(columns), use_threads=False):
            yield pd.DataFrame({name: _held(name, batch.column(name)) for name in columns}, copy=False)


def whole(made: pd.DataFrame | Iterable[pd.DataFrame]) -> pd.DataFrame:
    """A table that was made in parts, or in one."""
    return made if isinstance(made, pd.DataFrame) else stacked(list(made))


def stacked(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables one below another, with compact columns (`pd.concat` would lay out texts whose categories differ)."""
    columns: dict[str, pd.Series | pd.Categorical] = {}
    for name in parts[0].columns:
        pieces = [part[name] for part in parts]
        kind = EFFECTS.get(name)
        if kind == "text":
            columns[name] = _categories(pieces)
        else:
            whole = pieces[0] if len(pieces) == 1 else pd.concat(pieces, ignore_index=True)
            columns[name] = (whole if kind is None else whole.astype(HELD[kind])).reset_index(drop=True)
    return pd.DataFrame(columns, copy=False)


def alike(text: str, n_rows: int) -> pd.Categorical:
    """A column that says the same in every row."""
    return pd.Categorical.from_codes(np.zeros(n_rows, np.int8), pd.Index([text], dtype=object))


def _regrouped(frames_: Iterable[pd.DataFrame]) -> Iterator[list[pd.DataFrame]]:
    """Lists of frames with exactly ROWS_A_GROUP rows together, the last with what is left."""
    held: list[pd.DataFrame] = []
    room = ROWS_A_GROUP
    for frame in frames_:
        begin = 0
        while len(frame) - begin >= room:
            held.append(frame.iloc[begin : begin + room])
            yield held
            held, begin, room = [], begin + room, ROWS_A_GROUP
        if begin < len(frame) or (not held and begin == 0):
            held.append(frame.iloc[begin:])
            room -= len(held[-1])
    if held:
        yield held


def _schema(columns: list[str]) -> Any:
    """What pandas would write for these columns."""
    example = {name: pd.Series([], dtype=STORED[EFFECTS[name]]) for name in columns}
    return pa.Schema.from_pandas(pd.DataFrame(example), preserve_index=False)


def _group(parts: list[pd.DataFrame], schema: Any) -> Any:
    """One row group as an arrow table."""
    arrays = []
    for field in schema:
        pieces = [part[field.name] for part in parts]
        if EFFECTS[field.name] == "text":
            arrays.append(_dictionary(pieces, field.type))
        else:
            arrays.append(pa.chunked_array([pa.array(piece, type=field.type) for piece in pieces]))
    return pa.Table.from_arrays(arrays, names=schema.names)


def _dictionary(pieces: list[pd.Series], type_: Any) -> Any:
    """Texts as a dictionary in order of appearance."""
    codes, texts = _encoded(pieces)
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(texts, type=type_))


def _categories(pieces: list[pd.Series]) -> pd.Categorical:
    """Texts as sorted categories."""
    codes, texts = _encoded(pieces)
    order = np.argsort(np.array(texts, dtype=object), kind="stable")
    place = np.empty(len(texts) + 1, dtype=np.min_scalar_type(-max(1, len(texts))))
    place[order], place[-1] = np.arange(len(texts)), -1
    return pd.Categorical.from_codes(place[codes], pd.Index([texts[number] for number in order], dtype=object))


def _encoded(pieces: list[pd.Series]) -> tuple[np.ndarray, list[str]]:
    """Numbers of texts (-1 where one is missing), and the texts in order of appearance."""
    known: dict[str, int] = {}
    codes = []
    for piece in pieces:
        local, seen = pd.factorize(piece)
        numbers = np.array([*(known.setdefault(str(text), len(known)) for text in seen), -1], dtype=np.int32)
        codes.append(numbers[local])
    return np.concatenate(codes), list(known)


def _held(name: str, array: Any) -> Any:
    """One column of a batch as it is held in memory."""
    kind = EFFECTS.get(name)
    if kind == "text":
        return array.to_pandas()
    if kind == "optional":
        mask = array.is_null().to_numpy(zero_copy_only=False)
        numbers = array.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int32)
        return pd.arrays.IntegerArray(numbers, mask)
    values = array.to_numpy(zero_copy_only=False)
    return values if kind is None else values.astype(HELD[kind], copy=False)
