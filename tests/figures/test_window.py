"""Figures of some of a prompt's positions."""

from __future__ import annotations

from interp.figures import style
from interp.figures.sentence import key_and_query
from interp.figures.window import window
from tests.findings import changed
from tests.report.synthetic import make_tables


def test_of_key_and_query_those_are_marked_that_a_probe_has_asked_about():
    tables = changed(make_tables(None), lambda said: said["run"]["focus"].update(key=5, query=8))
    assert (tables.run.focus.key, tables.run.focus.query) == (5, 8)
    whole = window(8, [5, 8])
    assert key_and_query(tables, whole.only(range(1, 9))) == {4: style.RED, 7: style.BLUE}
    some = whole.only([6, 8, 9])
    assert (some.positions, some.breaks, some.words) == ((6, 8), [1], " Of 8 positions, 6, 8 are shown.")
    assert key_and_query(tables, some) == {1: style.BLUE}
    assert key_and_query(tables, whole.only([1])) == {}
