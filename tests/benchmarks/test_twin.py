"""What a checkpoint is judged on: halves of a task's words that share nothing, and rows from all of a text."""

from __future__ import annotations

import pytest
import torch

from benchmarks.twin import TASKS, _rows, asked


@pytest.mark.parametrize("kind", TASKS)
def test_halves_share_no_pair_of_words_and_leave_none_out(kind):
    first, second, everything = (asked(kind, half) for half in (0, 1, None))
    assert {pair.pair for pair in first}.isdisjoint(pair.pair for pair in second)
    assert sorted(pair.clean for pair in first + second) == sorted(pair.clean for pair in everything)
    assert min(len(first), len(second)) > 0


def test_rows_come_from_all_of_a_text_and_whole():
    ids = list(range(103))
    rows = _rows(ids, 10, 4)
    assert rows[:, 0].tolist() == [0, 30, 60, 90]
    assert (rows - rows[:, :1] == torch.arange(10)).all()
    assert len(_rows(ids, 10, 400)) == 10
