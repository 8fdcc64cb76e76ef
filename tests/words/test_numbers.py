"""Numbers for people: one formatter, a dash where there is no number, and a minus sign that is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import experiments
import interp
from interp.analysis.findings_of_comparison import RatioFound
from interp.runs.comparison.tables import ratio
from interp.words.numbers import bracket, ends, fixed, fixed_interval, interval, needed, number, significant
from interp.words.phrases import percent, tenth

NAN = float("nan")


@pytest.mark.parametrize("value", [None, NAN, float("inf"), -float("inf")])
@pytest.mark.parametrize(
    "words",
    [
        number,
        percent,
        tenth,
        lambda value: fixed(value, 3, signed=True),
        lambda value: significant(value, 2),
        lambda value: interval(value, 1.0),
        lambda value: fixed_interval(0.5, value, 3),
    ],
)
def test_what_is_no_number_is_a_dash(value, words):
    assert words(value) == "—"


def test_fixed_numbers_have_a_sign_of_their_own_and_no_negative_zero():
    assert fixed(-1234.5678, 2) == "−1,234.57"
    assert fixed(0.0416, 3, signed=True) == "+0.042"
    assert fixed(-0.0001, 3) == "0.000"
    assert fixed_interval(-0.05, 0.1, 2, signed=True) == "[−0.05, +0.10]"
    assert significant(1e-5, 2) == "1e−05"
    assert (percent(-0.2), percent(-0.001), tenth(0.00321)) == ("−20 %", "0 %", "0.32 %")


def test_counts_and_what_stands_behind_them():
    assert (needed(8), needed(8, 7, 9), needed(1294.4, 980.0, None)) == ("8", "8 [7, 9]", "1,294 [980, …]")
    assert (needed(None), needed(None, 3, 4), needed(0, 0, 0)) == ("never", "never", "0 [0, 0]")
    assert (ends(24, None, "more than 132"), ends(None, None, "more than 132")) == (" [24, more than 132]", "")
    assert (bracket(0.08, 0.12, percent), bracket(None, 0.12, percent)) == (" [8 %, 12 %]", "")


def test_a_ratio_without_an_upper_end_says_so():
    assert ratio(RatioFound(value=1.5, low=1.0, high=2.0)) == "1.50 [1.00, 2.00]"
    assert ratio(RatioFound(value=1.5, low=1.0, high=None)) == "1.50 [1.00, …]"
    assert ratio(RatioFound(value=1.5, low=None, high=None)) == "1.50"
    assert ratio(RatioFound(value=None, low=None, high=None)) == "—"


def test_no_page_or_figure_formats_numbers_by_hand():
    """`{value:.2f}` of an absent number is `nan`, or a crash: pages and figures go through interp.words.numbers."""
    by_hand = re.compile(r"\{[^{}]*:[+,]*\.\d[fge%]\}")
    rooms = [Path(interp.__path__[0]), Path(experiments.__path__[0])]
    files = [file for room in rooms for file in room.rglob("*.py")]
    pages = [
        file
        for file in files
        if file.parent.name in ("figures", "report", "experiments", "comparison")
        or file.stem in ("publish", "tables", "sentences", "figures")
    ]
    assert len(pages) > 30
    found = {
        f"{file.name}: {line.strip()}"
        for file in pages
        for line in file.read_text(encoding="utf-8").splitlines()
        if by_hand.search(line) and file.name != "numbers.py"
    }
    assert found == set()
