"""The shape of a table of effects, told from its columns: figures ask for a shape, and not for a kind of probe.

A probe's summary is one table or several (a part, a group, a site, ... each); each of them has a shape of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from interp.configs.lazy import lazy

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

Shape = Literal["layer x head", "layer x position", "layer curve", "edges", "kept curve"]
"""One row a layer and head; a layer and position; a layer; a layer, head, query and key; a number of heads kept."""

SPLIT = ("part", "group", "base", "source", "site", "method")
"""Columns by which a probe's summary is taken apart."""


@dataclass(frozen=True)
class Panel:
    """Rows of a summary that belong into one drawing."""

    title: str
    rows: pd.DataFrame
    shapes: frozenset[Shape]


def panels(rows: pd.DataFrame, shape: Shape | None = None) -> list[Panel]:
    """The tables that a probe's summary holds (those of one shape), in order of appearance; titles tell them apart."""
    columns = [name for name in SPLIT if name in rows]
    filled = rows[columns].astype(object).where(rows[columns].notna(), "").astype(str)
    groups = [(key, rows.loc[part.index]) for key, part in filled.groupby(columns, sort=False)]
    told = [(key, part, shapes_of(part)) for key, part in groups]
    kept = [group for group in told if shape is None or shape in group[2]]
    differ = [place for place in range(len(columns)) if len({key[place] for key, _, _ in kept}) > 1]
    return [
        Panel(" ".join(filter(None, (str(key[place]) for place in differ))) or str(key[0]), part, shapes)
        for key, part, shapes in kept
    ]


def shapes_of(rows: pd.DataFrame) -> frozenset[Shape]:
    """Every shape that some rows of a summary can be drawn in; none where two rows would fall into one place."""
    shapes: set[Shape] = set()

    def one_each(*columns: str) -> bool:
        return not rows.duplicated(list(columns)).any()

    if rows.empty:
        return frozenset()
    if "n_kept" in rows and rows["n_kept"].notna().any():
        return frozenset({"kept curve"}) if rows["n_kept"].notna().all() and one_each("n_kept") else frozenset()
    with_head = rows["head"].notna()
    if rows["layer"].isna().any() or (with_head.any() and not with_head.all()):
        return frozenset()
    if with_head.all():
        if one_each("layer", "head"):
            shapes.add("layer x head")
        elif one_each("layer", "head", "query_label", "key_label"):
            shapes.add("edges")
        return frozenset(shapes)
    if one_each("layer"):
        shapes.add("layer curve")
    if (rows["query_label"] != "").all() and one_each("layer", "query_label"):
        shapes.add("layer x position")
    return frozenset(shapes)


def shapes_in(rows: pd.DataFrame) -> frozenset[Shape]:
    """Every shape that is somewhere in a probe's summary."""
    return frozenset().union(*(panel.shapes for panel in panels(rows)))


def listed(shapes: Iterable[Shape]) -> str:
    """`layer x head or edges`."""
    return " or ".join(sorted(shapes))
