"""Rows of a prompts file, checked one by one: every mistake is gathered, so that one look mends the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from interp.configs.registry import nearest
from interp.errors import UserError
from interp.prompts.pairs import PromptPair

TOLD = 10
ColumnName = Literal["clean", "corrupted", "answer", "foil", "pair", "template", "focus"]
NEEDED: tuple[ColumnName, ...] = ("clean", "corrupted", "answer", "foil")
OPTIONAL: tuple[ColumnName, ...] = ("pair", "template", "focus")
Row = Mapping[str, Any]


def pairs_of(
    rows: Sequence[Row], columns: Mapping[ColumnName, str], where: str, first: int, separator: str | None = None
) -> list[PromptPair]:
    """One prompt pair a row.

    Args:
        rows: column of the file -> its value.
        columns: our name of a column -> the file's, where it has another.
        where: the file, for messages.
        first: number of the first row as an editor counts it (2 where a header stands above).
        separator: stands between several right answers, and several foils, in a cell; None: there is one.

    Raises:
        UserError: a column is missing, there is no row, or rows are wrong: the first ten are told, and how many there are.
    """
    if not rows:
        raise UserError(f"{where} has no rows, so there is no prompt")
    names: dict[str, str] = {name: columns.get(name, name) for name in (*NEEDED, *OPTIONAL)}
    have = list(dict.fromkeys(name for row in rows for name in row))
    missing = [names[name] for name in NEEDED if names[name] not in have]
    missing += [given for name, given in columns.items() if name in OPTIONAL and given not in have]
    if missing:
        raise UserError(
            f"{where} has no column {' and no '.join(map(repr, missing))} ({nearest(missing[0], have)}); `columns` says which "
            f"of its columns are {', '.join(NEEDED)}, as in columns: {{clean: prompt}}"
        )
    pairs, wrong = [], []
    for number, row in enumerate(rows):
        try:
            pairs.append(_pair(number, row, names, separator))
        except UserError as error:
            wrong.append(f"row {number + first}: {error}")
    if wrong:
        raise UserError(f"{where}: {gathered(wrong, len(rows), 'rows')}")
    if any(_is_focus(row, names) for row in rows):
        return [_with_focus(pair, _is_focus(row, names)) for pair, row in zip(pairs, rows, strict=True)]
    return pairs


def gathered(wrong: Sequence[str], total: int, what: str) -> str:
    """`3 of 200 rows cannot be used: ...; ...`, the first ten of them."""
    more = f"; and {len(wrong) - TOLD} more" if len(wrong) > TOLD else ""
    return f"{len(wrong)} of {total} {what} cannot be used: " + "; ".join(wrong[:TOLD]) + more


def _pair(number: int, row: Row, names: Mapping[str, str], separator: str | None) -> PromptPair:
    texts = {name: _text(row.get(names[name]), names[name]) for name in NEEDED}
    fields = dict(_fields(row.items()))
    clean = texts["clean"]
    answer, *answers = _split(texts["answer"], separator)
    foil, *foils = _split(texts["foil"], separator)
    return PromptPair(
        clean=clean,
        corrupted=texts["corrupted"],
        answer=answer,
        foil=foil,
        answers=tuple(answers),
        foils=tuple(foils),
        template=_label(row.get(names["template"]), names["template"], "prompts"),
        pair=_label(row.get(names["pair"]), names["pair"], clean),
        focus=number == 0,
        id=number,
        fields={**fields, "answer": answer, "foil": foil},
    )


def _split(text: str, separator: str | None) -> list[str]:
    answers = [text] if separator is None else text.split(separator)
    if "" in answers:
        raise UserError(f"{text!r} holds an empty answer between two {separator!r}")
    return answers


def _text(value: Any, name: str) -> str:
    if value is None or value == "":
        raise UserError(f"{name} is empty")
    if not isinstance(value, str):
        raise UserError(f"{name} must be text, not {str(value)[:40]!r} ({type(value).__name__})")
    return value


def _label(value: Any, name: str, default: str) -> str:
    """A name, or a number that serves as one; pandas writes NaN where there is none."""
    if value is None or value == "" or value != value:
        return default
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UserError(f"{name} must be text or a number, not {str(value)[:40]!r} ({type(value).__name__})")
    return str(value)


def _fields(items: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, str]]:
    """What roles can be filled with: everything in the row that is one word, number or text."""
    for name, value in items:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            yield name, str(value)


def _is_focus(row: Row, names: Mapping[str, str]) -> bool:
    return str(row.get(names["focus"])).strip().lower() in ("true", "1", "yes")


def _with_focus(pair: PromptPair, focus: bool) -> PromptPair:
    return pair if pair.focus == focus else replace(pair, focus=focus)
