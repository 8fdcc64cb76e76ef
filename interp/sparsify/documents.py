"""Texts to train on, from a file or a data set: whatever stands in them, a mistake is one sentence that names its row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from interp.configs.paths import user_path
from interp.errors import UserError
from interp.sparsify.text_config import DatasetText, FileText

JSON_KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def file_documents(config: FileText) -> Iterator[str]:
    """The texts of a file, one a row of JSON lines; UserError names the row that is none."""
    path = user_path(config.path, "text.of.path")
    if not path.is_file():
        raise UserError(f"text.of.path: there is no file {path}")
    try:
        content = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a mark of byte order
    except UnicodeDecodeError:
        raise UserError(f"text.of.path: {path} is not UTF-8 text") from None
    except OSError as error:
        raise UserError(f"text.of.path: {path} cannot be read: {error.strerror}") from None
    if not content.strip():
        raise UserError(f"text.of.path: {path} is empty")
    if path.suffix not in (".jsonl", ".json"):
        yield content
        return
    # JSON lines end with a newline; what else Unicode counts as the end of a line may stand inside a text.
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            where = f"text.of.path: {path}, line {number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict) or config.field not in row:
                raise UserError(f"{where}: not a JSON object with the field {config.field!r}")
            yield _text(row[config.field], f"{where}: the field {config.field!r}")


def _text(document: Any, what: str) -> str:
    """A document; UserError when it is no text, or one that cannot be written in UTF-8."""
    if not isinstance(document, str):
        raise UserError(f"{what} holds {JSON_KINDS.get(type(document), 'something else')}, not text")
    try:
        document.encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(f"{what} holds half of a surrogate pair, which is no character") from None
    return document


def dataset_documents(config: DatasetText) -> Iterator[str]:
    """The first texts of a data set; UserError when it cannot be read."""
    try:
        from datasets import load_dataset
    except ImportError:
        raise UserError("text.of.source dataset needs the package `datasets`: pip install datasets") from None
    try:
        rows = load_dataset(config.name, config.subset, split=config.split, streaming=True, trust_remote_code=False)
        for number, row in enumerate(rows.take(config.documents), start=1):
            yield _text(row[config.field], f"text.of: the data set {config.name}, document {number}: {config.field!r}")
    except UserError:
        raise
    except KeyError:
        raise UserError(f"text.of.field: the data set {config.name} has no field {config.field!r}") from None
    except Exception as error:  # whatever the hub and its many formats raise, the user can only choose another text
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"text.of.name: the data set {config.name!r} cannot be read ({reason}); a file or sampled text needs no hub"
        ) from None
