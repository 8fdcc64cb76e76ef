"""The shape of a table is told from its columns alone."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from interp.analysis.shapes import panels, shapes_of
from interp.probes import probes
from interp.results.tables import RunTables

EMPTY = {"part": "", "group": "", "base": "clean", "source": "zero", "site": "z", "method": "exact"}


def table(query=("",), key=("",), head=(None,), layers=3, n_kept=None, **constant):
    rows = [
        EMPTY | {"layer": layer, "head": h, "query_label": q, "key_label": k, "n_kept": n_kept} | constant
        for layer, h, q, k in itertools.product(range(layers), head, query, key)
    ]
    return pd.DataFrame(rows).astype({"layer": "Int64", "head": "Int64", "n_kept": "Int64"})


@pytest.mark.parametrize(
    ("rows", "shapes"),
    [
        (table(head=(0, 1)), {"layer x head"}),
        (table(head=(0, 1), query=("query",), key=("1",)), {"layer x head"}),  # an edge a head
        (table(head=(0, 1), query=("1", "2"), key=("1",)), {"edges"}),
        (table(query=("1", "2")), {"layer x position"}),
        (table(query=("query",)), {"layer x position", "layer curve"}),
        (table(), {"layer curve"}),
        (table(layers=1).assign(n_kept=3), {"kept curve"}),
        (pd.concat([table(), table()]), set()),  # two rows would fall into one place
        (pd.concat([table(), table(head=(0,))]), set()),
        (table().assign(layer=pd.NA), set()),
        (table().iloc[:0], set()),
    ],
)
def test_the_shapes_of_some_rows(rows, shapes):
    assert shapes_of(rows.reset_index(drop=True)) == shapes


def test_parts_are_told_apart_by_what_differs():
    rows = pd.concat(
        [table(head=(0, 1), part="a"), table(head=(0, 1), part="a", source="mean"), table(part="b")], ignore_index=True
    )
    assert [one.title for one in panels(rows)] == ["a zero", "a mean", "b zero"]
    assert [one.title for one in panels(rows, "layer x head")] == ["zero", "mean"]
    assert [one.title for one in panels(rows, "layer curve")] == ["b"]
    assert panels(rows, "edges") == []


def test_probes_keep_to_the_shapes_that_they_declare(finished):
    tables = RunTables.load(finished[1])
    seen = 0
    for label in tables.labels:
        declared = probes[tables.kinds[label]].shapes
        found = {shape for panel in panels(tables.summary_of(label)) for shape in panel.shapes}
        assert found or label == "attention_pattern" or declared == frozenset()  # sets of edges have no place
        if declared is not None:
            seen += 1
            assert found <= declared, label
    assert seen >= 9
