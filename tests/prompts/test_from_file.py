"""Prompt pairs from files: every format, roles by column, and what is said of a bad file."""

from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import pytest

from interp.errors import UserError
from interp.prompts.config import PromptsConfig
from interp.prompts.encoder import Encoder
from interp.prompts.from_file import FromFile
from interp.prompts.roles import RoleSpec
from interp.prompts.select import choose_prompts
from tests.tiny_models import word_tokenizer


@pytest.fixture(scope="module")
def encoder():
    return Encoder(word_tokenizer(), prepend_bos=False)


def row(one="large", other="hot", answer="small", foil="cold", template='The opposite of "{}" is "', **more):
    return {"clean": template.format(one), "corrupted": template.format(other), "answer": answer, "foil": foil} | more


ROWS = [
    row(pair="size", word="large"),
    row("hot", "large", "cold", "small", pair="heat", word="hot"),
    row("good", "new", "bad", "old", template='The word "{}" is the opposite of "', word="good", pair="worth"),
]


def write(folder, rows, ending):
    path = folder / f"prompts{ending}"
    frame = pd.DataFrame(rows)
    if ending == ".parquet":
        frame.to_parquet(path)
    elif ending == ".jsonl":
        path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows), encoding="utf-8")
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == ".tsv" else ",")
    return path


def choose(path, encoder, top1=None, **settings):
    task = {"kind": "file", "path": str(path)} | settings.pop("task", {})
    config = PromptsConfig(task=task, **settings)
    return choose_prompts(config, encoder, [top1] if top1 else [], np.random.default_rng(0))


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_format_gives_the_same_prompts_grouped_by_length(tmp_path, encoder, ending):
    book = choose(write(tmp_path, ROWS, ending), encoder)
    assert [(len(one), one.n_tokens, one.position("key")) for one in book.sets] == [(2, 8, 5), (1, 10, 4)]
    assert [pair.pair for one in book.sets for pair in one.pairs] == ["size", "heat", "worth"]
    assert encoder.text(int(book.sets[0].answer[0])) == "small"
    assert book.sets[0].pairs[0].focus
    assert len({one.pairs[0].template for one in book.sets}) == 2


def test_roles_come_from_columns_as_token_position_or_characters(tmp_path, encoder):
    rows = [one | {"at": 5, "span": "17:22"} for one in ROWS[:1]] + [ROWS[1] | {"at": 5, "span": "17:20"}]
    path = write(tmp_path, rows, ".csv")
    for key in ({"token": "{word}"}, {"position": "{at}"}, {"characters": "{span}"}, {"characters": "18:19"}):
        book = choose(path, encoder, roles={"key": RoleSpec(**key), "query": RoleSpec(position="end")})
        assert [one.position("key") for one in book.sets] == [5], key
        assert len(book) == 2


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({"position": "{word}"}, "no position counted from 1"),
        ({"characters": "{word}"}, "no span of characters"),
        ({"characters": "17:99"}, "outside the prompt"),
        ({"characters": "9:9"}, "no span of characters"),
    ],
)
def test_a_role_that_a_row_does_not_have_leaves_the_row_out_with_the_reason(tmp_path, encoder, key, said):
    path = write(tmp_path, ROWS, ".csv")
    with pytest.raises(UserError, match=said):
        choose(path, encoder, roles={"key": RoleSpec(**key), "query": RoleSpec(position="end")})


def test_columns_can_have_other_names(tmp_path, encoder):
    rows = [{"prompt": one.pop("clean"), "group": "a", **one} for one in map(dict, ROWS)]
    path = write(tmp_path, rows, ".csv")
    book = choose(path, encoder, task={"columns": {"clean": "prompt", "pair": "group"}})
    assert {pair.pair for one in book.sets for pair in one.pairs} == {"a"}
    with pytest.raises(UserError, match=r"no column 'clean' .*did you mean"):
        choose(write(tmp_path, [{"cleann": 1} | {k: v for k, v in ROWS[0].items() if k != "clean"}], ".jsonl"), encoder)
    with pytest.raises(UserError, match="no column 'nothing'"):
        choose(path, encoder, task={"columns": {"clean": "prompt", "pair": "nothing"}})


def test_bad_rows_are_told_together_ten_and_a_count(tmp_path, encoder):
    rows = [ROWS[0] | {"answer": ""} for _ in range(13)] + [ROWS[1]]
    with pytest.raises(UserError) as caught:
        choose(write(tmp_path, rows, ".csv"), encoder)
    said = str(caught.value)
    assert "13 of 14 rows cannot be used: row 2: answer is empty" in said
    assert "row 11:" in said
    assert "row 12:" not in said
    assert "and 3 more" in said


@pytest.mark.parametrize("value", [None, 3, ["a"], {"a": 1}, True])
def test_only_text_is_a_prompt(tmp_path, encoder, value):
    with pytest.raises(UserError, match=r"row 1: clean (is empty|must be text)"):
        choose(write(tmp_path, [ROWS[0] | {"clean": value}], ".jsonl"), encoder)


@pytest.mark.parametrize("column", ["pair", "template"])
@pytest.mark.parametrize("value", [["a"], {"a": 1}, True])
def test_only_a_name_tells_word_pairs_and_templates_apart(tmp_path, encoder, column, value):
    with pytest.raises(UserError, match=f"row 1: {column} must be text or a number, not"):
        choose(write(tmp_path, [ROWS[0] | {column: value}, *ROWS[1:]], ".jsonl"), encoder)


@pytest.mark.parametrize("value", [None, "", float("nan")])
def test_a_row_without_a_name_is_a_word_pair_of_its_own(tmp_path, encoder, value):
    book = choose(write(tmp_path, [one | {"pair": value} for one in ROWS], ".jsonl"), encoder)
    pairs = [pair.pair for one in book.sets for pair in one.pairs]
    assert pairs == [pair.clean for one in book.sets for pair in one.pairs]
    numbered = choose(write(tmp_path, [one | {"pair": 7} for one in ROWS], ".jsonl"), encoder)
    assert {pair.pair for one in numbered.sets for pair in one.pairs} == {"7"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", b"", "is empty"),
        ("x.csv", b"clean,corrupted,answer,foil\n", "has no rows"),
        ("x.csv", b"clean,clean,answer,foil\na,b,c,d\n", "stands twice"),
        ("x.csv", b"clean,corrupted,answer,foil\na,b,c\n", "row 2: 3 cells"),
        ("x.csv", b'clean,corrupted,answer,foil\n"a\n', "quotation mark"),
        ("x.csv", "clean,corrupted,answer,foil\né,b,c,d\n".encode("latin-1"), "not in UTF-8"),
        ("x.csv", "clean\n".encode("utf-16"), "not in UTF-8"),
        ("x.jsonl", b"{", "line 1 is no JSON"),
        ("x.jsonl", b"[1]\n", "no JSON object"),
        ("x.jsonl", b'{"clean": "a", "clean": "b"}', "line 1 is no JSON: 'clean' stands twice"),
        ("x.jsonl", b'{"clean": "a \\ud83d b"}', "line 1 holds half a character"),
        ("x.parquet", b"PAR1 but not really", "no Parquet file"),
        ("x.xlsx", b"PK", "ends in .csv"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path, encoder, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        choose(tmp_path / name, encoder)
    assert "\n" not in str(caught.value)


@pytest.mark.timeout(20)
def test_what_is_no_file_is_not_waited_for(tmp_path, encoder):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for name, kind in (("pipe", "pipe or device"), ("folder", "folder")):
        with pytest.raises(UserError, match=f"{name}.csv is a {kind}, and no file"):
            FromFile(path=str(tmp_path / f"{name}.csv")).candidates()


def test_a_missing_file_is_one_sentence(tmp_path, encoder):
    with pytest.raises(UserError, match=r"prompts\.task\.path: the file .* cannot be read"):
        choose(tmp_path / "none.csv", encoder)


def test_text_in_quotation_marks_and_line_separators_inside_json_stay_what_they_are(tmp_path):
    task = FromFile(path=str(write(tmp_path, [ROWS[0] | {"note": "a,b\nc"}], ".csv")))
    assert task.candidates()[0].fields["note"] == "a,b\nc"
    task = FromFile(path=str(write(tmp_path, [ROWS[0] | {"note": "a\u2028b"}], ".jsonl")))
    assert task.candidates()[0].fields["note"] == "a\u2028b"


def test_a_sample_of_pairs_is_seeded_and_keeps_the_focus(tmp_path, encoder):
    words = ["large", "hot", "good", "new", "long", "high"]
    rows = [row(word, "hot" if word != "hot" else "large", "small", "bad", word=word, pair=word) for word in words]
    path = write(tmp_path, rows, ".csv")
    kept = [
        [pair.pair for one in choose(path, encoder, task={"max_pairs": 3}).sets for pair in one.pairs] for _ in range(2)
    ]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 3
    assert kept[0][0] == "large"


def test_a_file_that_has_changed_is_read_again(tmp_path, encoder):
    path = write(tmp_path, ROWS, ".csv")
    assert len(choose(path, encoder)) == 3
    write(tmp_path, ROWS[:1], ".csv")
    assert len(choose(path, encoder)) == 1
