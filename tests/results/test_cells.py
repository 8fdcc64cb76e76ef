"""CSV cells that a spreadsheet would run."""

from __future__ import annotations

import pandas as pd
import pytest

from interp.results import atomic, reading

TEXTS = ["=cmd|' /C calc'!A0", "+1", "-x", "@SUM(A1)", "\tx", "'=x", "''=x", "'quoted'", "plain", "", "x=1", "1"]


def test_no_text_is_a_formula_and_all_of_it_comes_back(tmp_path):
    path = tmp_path / "dropped.csv"
    atomic.write_table(path, pd.DataFrame({"reason": TEXTS, "n": range(len(TEXTS))}))
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert not any(text.startswith(("=", "+", "-", "@", "\t")) for text in raw["reason"])
    back = reading.read_csv(path, dtype={"reason": str}, keep_default_na=False)
    assert back["reason"].tolist() == TEXTS
    assert back["n"].tolist() == list(range(len(TEXTS)))


@pytest.mark.parametrize("value", [-1.5, float("nan"), -3])
def test_numbers_are_left_alone(tmp_path, value):
    path = tmp_path / "table.csv"
    atomic.write_table(path, pd.DataFrame({"mean": [value]}))
    assert "'" not in path.read_text()
