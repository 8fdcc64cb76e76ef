"""The one way in for files that a run wrote: whatever is wrong with one of them is one sentence, never a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.results.cells import as_it_was

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


class Damaged(UserError):
    """A file of a run is missing, unreadable, or not what the run wrote."""


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn whatever a reader raises for a file of ours into Damaged."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError:
        raise Damaged(f"{path} is missing") from None
    except Exception as error:  # pyarrow, pandas, ruamel and json each have many errors for a damaged file
        raise Damaged(f"{path} cannot be read ({_first_line(error)})") from None


def read_text(path: Path) -> str:
    """UTF-8 text."""
    with guarded(path):
        return path.read_text(encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object."""
    with guarded(path):
        return _mapping(json.loads(path.read_text(encoding="utf-8")), path)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping."""
    with guarded(path):
        return _mapping(YAML(typ="safe").load(path.read_text(encoding="utf-8")), path)


def read_parquet(path: Path) -> pd.DataFrame:
    """A parquet table."""
    with guarded(path):
        return pd.read_parquet(path)


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """A CSV table, with pandas' options."""
    with guarded(path):
        return as_it_was(pd.read_csv(path, **options))


def _mapping(data: object, path: Path) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Damaged(f"{path} cannot be read (it holds no mapping)")
    return data


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
