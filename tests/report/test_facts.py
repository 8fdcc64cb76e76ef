"""Numbers with honest digits; what was kept and dropped, counted; what each probe changed."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from interp.analysis.findings_of_run import RunFindings
from interp.report.facts import gather, precision_caveat
from interp.report.prompts import MOST_PROMPTS, prompts, wordings
from interp.report.story import TableBlock
from interp.words import numbers
from tests.findings import estimate, filled
from tests.report.synthetic import make_manifest, make_tables


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (9.7484, 9.0921, 10.4852, "9.75"),
        (17.744, 16.794, 18.643, "17.74"),
        (1234.5, 1100.0, 1400.0, "1,234"),
        (-0.5634, -0.7911, -0.3725, "−0.56"),
        (0.0001234, 0.0001, 0.00015, "0.000123"),
        (0.123456, None, None, "0.123"),
        (0.123456, math.nan, math.nan, "0.123"),
        (-0.004, -0.5, 0.5, "0.00"),
        (2.0, 2.0, 2.0, "2.00"),
        (9.9981, None, None, "10.0"),
        (0.0, None, None, "0.00"),
        (None, 1.0, 2.0, "—"),
        (math.nan, None, None, "—"),
        (math.inf, None, None, "—"),
    ],
)
def test_digits_fit_the_interval(value, low, high, expected):
    assert numbers.number(value, low, high) == expected


def test_an_interval_is_printed_with_the_digits_of_its_value():
    assert numbers.estimate(estimate(-9.78775, -10.68005, -8.93481)) == "−9.79 [−10.68, −8.93]"
    assert numbers.estimate(estimate(1.5)) == "1.50"
    assert numbers.interval(math.nan, math.nan) == "—"


@given(st.floats(-1e6, 1e6), st.floats(1e-4, 1e5))
def test_rounding_never_moves_a_value_by_a_tenth_of_its_interval(value, half):
    text = numbers.number(value, value - half, value + half)
    assume(half < 50)  # no decimals are left to drop beyond that: whole units are always printed
    assert abs(float(text.replace(",", "").replace("−", "-")) - value) <= 0.06 * half
    assert numbers.is_number(text)


@pytest.mark.parametrize("text", ["[1, 2]", "L1-H2", "1 a", "%", "-"])
def test_what_is_no_number_is_not_set_flush_right(text):
    assert not numbers.is_number(text)


@pytest.fixture(scope="module")
def facts():
    return gather(make_tables(None), make_manifest(None), "name: little\n")


def test_wordings_count_right_answers_and_wrong_ones_that_were_left_out(facts):
    first, second = facts.wordings.rows
    assert first == ['The opposite of "{word}" is "', "2", "1 (50 %)", "2", "25 %", "2.50 (0.71)", "−1.50 (0.00)"]
    assert second[:4] == ['Of "{word}", the opposite is "', "2", "2 (100 %)", "0"]


@pytest.mark.parametrize(
    ("reason", "wrong"),
    [("the model prefers ' Carl'", "1"), ("the model answers ' the'", "1"), ("the gap 0.01 is below min_gap 0.1", "0")],
)
def test_a_wrong_answer_is_counted_whichever_way_its_task_calls_it_wrong(reason, wrong):
    tables = make_tables(None)
    template = tables.prompts["template"].iloc[0]
    dropped = pd.DataFrame([{"pair": "a", "template": template, "reason": reason}])
    assert wordings(dataclasses.replace(tables, dropped=dropped)).rows[0][3] == wrong


def test_reasons_are_counted_by_kind_and_listed_in_full(facts):
    assert facts.reasons.rows == [
        ["the model's first prediction is another token", "2"],
        ["group 'opposite': the model's first prediction is another token", "1"],
        ["no clean-corrupted gap", "1"],
        ["the word or the answer is not a single token", "1"],
    ]
    assert len(facts.drops.rows) == 5
    assert ("prompts", "4 prompt pairs: 2 word pairs in 2 wordings; 5 left out") in facts.run


def test_probes_say_what_they_change(facts):
    assert facts.probes.rows == [
        ["heads (key_query_heads)", "edge: set to zero", "3", "4", "9.9"],
        ["patch (activation_patching)", "z: replaced by its value in the other run, in both directions", "6", "4", "—"],
        ["logit_lens", "nothing: it observes", "3", "4", "—"],
    ]


def test_a_long_list_of_prompts_ends_with_a_word_about_the_rest():
    tables = make_tables(None)
    prompts_table = tables.prompts.loc[tables.prompts.index.repeat(200)].reset_index(drop=True)
    block = prompts(type(tables)(**{**vars(tables), "prompts": prompts_table}))
    assert len(block.rows) == MOST_PROMPTS < 800
    assert block.title == "All 800 prompts"
    assert "prompts.parquet" in block.note


def test_a_ragged_table_is_refused():
    with pytest.raises(ValueError, match="a row of 1 cells under 2 columns"):
        TableBlock("T", ["a", "b"], [["1"]])


def run_in(dtype, mean):
    given = {"model": {"name": "m", "dtype": dtype}, "clean": {"mean": mean}}
    return RunFindings.model_validate(filled(RunFindings, given))


@pytest.mark.parametrize(
    ("dtype", "mean", "step"), [("bfloat16", 9.75, "0.062"), ("bfloat16", -3.9, "0.016"), ("float16", 9.75, "0.0078")]
)
def test_half_precision_is_said_with_its_step(dtype, mean, step):
    import torch

    (sentence,) = precision_caveat(run_in(dtype, mean))
    assert f"lie {step} apart" in sentence
    here = torch.tensor(abs(mean), dtype=getattr(torch, dtype))
    after = (
        torch.nextafter(here, torch.tensor(float("inf"), dtype=here.dtype))
        if dtype == "bfloat16"
        else here + float(step)
    )
    assert float(after - here) == pytest.approx(float(step), rel=0.03)
    assert precision_caveat(run_in("float32", mean)) == []
