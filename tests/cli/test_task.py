"""`interp task NAME`: texts alone, or how a model reads and answers them."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from interp.cli.commands import app
from interp.errors import UserError
from tests.prompts.builtin.tokenizers import GENERATED, MISSING, of_words
from tests.tiny_models import write_tiny_llama


def said(*arguments):
    found = CliRunner().invoke(app, ["task", *map(str, arguments)])
    if found.exception is not None:
        raise found.exception
    return found.output


@pytest.mark.parametrize("kind", [*GENERATED, "antonyms"])
def test_without_a_model_there_are_ten_texts(kind):
    lines = [line for line in said(kind, "--no-model").splitlines() if "answer '" in line]
    assert len(lines) == 10
    assert all("foil '" in line for line in lines)


def test_the_default_model_is_asked_only_where_it_is_at_hand():
    output = said("pronoun")  # the test's cache is empty
    assert "is not on this machine, so these are texts alone" in output
    assert "isn't" in output


def test_a_model_is_told_with_tokens_roles_accuracy_and_what_is_left_out(tmp_path):
    tiny = write_tiny_llama(tmp_path / "tiny", tokenizer=of_words())
    output = said("gender_bias", "--model", tiny, "--set", "max_pairs=6", "--seed", "3")
    assert "The| " in output
    assert "key 2 ( " in output
    assert "query 4 (" in output
    assert "of 24 candidates rank the answer above the foil" in output
    assert f"({MISSING[1]})" in output.replace(f"used: {MISSING[1]}", f"({MISSING[1]})")
    assert "beyond the task's max_pairs" in output
    assert "12 prompts; 12 left out:" in output


def test_settings_of_the_model_are_told_apart_from_the_tasks(tmp_path):
    tiny = write_tiny_llama(tmp_path / "tiny", tokenizer=of_words())
    settings = ("gender_bias", "--model", tiny, "--set", "max_pairs=6")
    plain = said(*settings)
    assert said(*settings, "--set", "model.dtype=float32") == plain
    gated = said(*settings, "--set", "model.sparse.gate=score", "--set", "model.sparse.bias=1000")
    assert "sparse" in gated
    assert "sparse" not in plain


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ioi", "--no-model", "--set", "model.dtype=float32"), "--no-model asks no model"),
        (("ioi", "--model", "smollm2-135m-instruct", "--set", "model.dtipe=float32"), "dtipe: unknown key"),
        (("iio",), "there is no task 'iio'; did you mean 'ioi'"),
        (("ioi", "--set", "corruption=x"), "task 'ioi': prompts.task.corruption: must be"),
        (("file",), "task 'file': .*path"),
        (("pronoun", "--no-model", "--set", "max_pairs=5000"), "pronoun has at most .* max_pairs asks for 5000"),
    ],
)
def test_mistakes_are_one_sentence(arguments, says):
    with pytest.raises(UserError, match=says):
        said(*arguments)
