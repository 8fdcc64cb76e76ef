"""Where training text comes from, what is held out, and what is refused."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from interp.errors import UserError
from interp.sparsify.text import sequences
from interp.sparsify.text_config import DatasetText, FileText, SampledText, Text
from tests.tiny_models import FIGURE, word_tokenizer, write_tiny_gpt2

QUIET = Console(quiet=True)


def made(of, context=8, model=None, seed=0, **settings):
    return sequences(Text(of=of, context=context, **settings), model, word_tokenizer(), seed, "hash", QUIET)


def test_a_file_is_cut_into_sequences(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(FIGURE * 201, encoding="utf-8")
    found = made(FileText(path=str(path)), context=9, held_out=0.4)
    assert found.train.tokens.shape[1] == found.held_out.shape[1] == 9
    assert "file" in found.origin


def test_what_is_held_out_depends_on_the_sequence_alone(tmp_path):
    """Equal sequences are on one side, and more text moves none of them."""
    rows = [torch.randint(2, 100, (8,), generator=torch.Generator().manual_seed(seed)) for seed in range(60)]
    words = {index: token for token, index in word_tokenizer().get_vocab().items()}
    sides = []
    for count in (40, 60):
        path = tmp_path / f"{count}.txt"
        path.write_text("".join(words[int(token)] for row in rows[:count] for token in row), encoding="utf-8")
        found = made(FileText(path=str(path)), held_out=0.3, evaluated=100)
        sides.append({tuple(row) for row in found.held_out.tolist()})
        assert not sides[-1] & {tuple(row) for row in found.train.tokens.tolist()}
    assert sides[0] <= sides[1]


def test_several_sources_give_the_sequences_of_each(tmp_path):
    """Both are on both sides, and what one gives alone it also gives beside another."""
    rng, words = torch.Generator().manual_seed(0), {i: token for token, i in word_tokenizer().get_vocab().items()}
    sources = []
    for number in range(2):
        path = tmp_path / f"{number}.txt"
        drawn = torch.randint(2, 100, (480,), generator=rng).tolist()
        path.write_text("".join(words[one] for one in drawn), encoding="utf-8")
        sources.append(FileText(path=str(path)))
    both = made(tuple(sources), held_out=0.3, evaluated=100)
    alone = [made(one, held_out=0.3, evaluated=100) for one in sources]
    for found, parts in (
        (both.held_out, [one.held_out for one in alone]),
        (both.train.tokens, [one.train.tokens for one in alone]),
    ):
        assert sorted(found.tolist()) == sorted(torch.cat(parts).tolist())
    assert both.of_length(16).tolist() == torch.cat([one.of_length(16) for one in alone]).tolist()
    assert all(f"{number}.txt" in both.origin for number in range(2))
    with pytest.raises(ValueError, match="at least 1 item"):
        Text(of=())


def test_json_lines(tmp_path):
    path = tmp_path / "text.jsonl"
    path.write_text("\n".join(json.dumps({"body": FIGURE}) for _ in range(100)), encoding="utf-8")
    assert len(made(FileText(path=str(path), field="body"), context=9, held_out=0.4).train)
    with pytest.raises(UserError, match="line 1: not a JSON object with the field 'text'"):
        made(FileText(path=str(path)))


def test_json_lines_end_with_a_newline_alone(tmp_path):
    """U+2028 and its like may stand in a text, as JSON's own writers leave them there; a mark of byte order may begin it."""
    path = tmp_path / "text.jsonl"
    row = json.dumps({"text": f"{FIGURE}\u2028{FIGURE}\x85{FIGURE}"}, ensure_ascii=False)
    path.write_text("\ufeff" + "\r\n".join([row] * 60), encoding="utf-8", newline="")
    odd = made(FileText(path=str(path)), context=9, held_out=0.4)
    path.write_text("\n".join([json.dumps(json.loads(row))] * 60), encoding="utf-8")
    assert torch.equal(odd.train.tokens, made(FileText(path=str(path)), context=9, held_out=0.4).train.tokens)
    path.write_text(json.dumps({"text": "\U0001f600 large"}) + "\n", encoding="utf-8")  # as an escaped surrogate pair
    with pytest.raises(UserError, match="too few for two sequences"):
        made(FileText(path=str(path)))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('{"text": null}', "line 2: the field 'text' holds null, not text"),
        ('{"text": ["large"]}', "line 2: the field 'text' holds a list, not text"),
        ('{"text": 3}', "line 2: the field 'text' holds a number, not text"),
        ('{"text": "\\ud800"}', "line 2: the field 'text' holds half of a surrogate pair"),
        ('["text"]', "line 2: not a JSON object with the field 'text'"),
        ('"text"', "line 2: not a JSON object with the field 'text'"),
        ('{"text": ' + "[" * 100_000, "line 2: not a JSON object with the field 'text'"),
        ('{"text": "large"', "line 2: not a JSON object with the field 'text'"),
    ],
)
def test_a_row_that_is_no_text_is_named(tmp_path, row, words):
    path = tmp_path / "text.jsonl"
    path.write_text(json.dumps({"text": FIGURE * 30}) + "\n" + row, encoding="utf-8")
    with pytest.raises(UserError, match=words):
        made(FileText(path=str(path)))


def test_a_home_folder_and_paths_that_are_none(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "text.txt").write_text(FIGURE * 201, encoding="utf-8")
    assert len(made(FileText(path="~/text.txt"), context=9, held_out=0.4).train)
    with pytest.raises(UserError, match="text.of.path: .* NUL"):
        made(FileText(path="a\0b"))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"  \n", "is empty"), (b"large", "too few for two sequences"), (b"\xff\xfe\x00", "not UTF-8")],
)
def test_a_file_that_cannot_be_trained_on(tmp_path, content, words):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        made(FileText(path=str(path)))
    with pytest.raises(UserError, match="there is no file"):
        made(FileText(path=str(tmp_path / "absent.txt")))


def test_a_data_set_without_a_hub_is_one_sentence():
    with pytest.raises(
        UserError, match=r"the data set 'nobody/nothing' cannot be read .* a file or sampled text needs no hub"
    ):
        made(DatasetText(name="nobody/nothing"))


def test_sampled_text_is_the_same_every_time_and_cached(tmp_path, monkeypatch, tiny_llama):
    from interp.models.directory import read_config, read_model

    monkeypatch.setenv("INTERP_CACHE", str(tmp_path))
    model = read_model(tiny_llama, read_config(tiny_llama), torch.float32)
    source = SampledText(sequences=40)
    first = made(source, model=model)
    assert torch.equal(first.train.tokens, made(source, model=SimpleNamespace(dtype=torch.float32)).train.tokens), (
        "the second time it comes from the cache"
    )
    assert not torch.equal(first.train.tokens[:5], made(source, model=model, seed=1).train.tokens[:5])
    monkeypatch.setenv("INTERP_CACHE", str(tmp_path / "other"))
    assert torch.equal(first.train.tokens, made(source, model=model).train.tokens)


def test_sampled_text_may_begin_with_any_token_but_the_special_ones(tmp_path, monkeypatch, tiny_llama):
    monkeypatch.setenv("INTERP_CACHE", str(tmp_path))
    from interp.models.directory import read_config, read_model

    model, tokenizer = read_model(tiny_llama, read_config(tiny_llama), torch.float32), word_tokenizer()
    source = SampledText(sequences=400, together=400, openings="vocabulary")
    found = made(source, model=model, held_out=0.3, evaluated=400)
    first = torch.cat([found.train.tokens, found.held_out])[:, 0].tolist()
    assert len(first) == 400
    assert not set(first) & set(tokenizer.all_special_ids)
    assert len(set(first)) > 250  # 400 draws of some 1,000 tokens
    with pytest.raises(ValueError, match="Input should be 'vocabulary'"):
        SampledText(openings="vocabularly")


def test_an_opening_and_its_text_fit_the_models_context(tmp_path, monkeypatch):
    """One token more than the model has learnt positions for; without it, the text is as long as asked."""
    from interp.models.directory import read_config, read_model

    monkeypatch.setenv("INTERP_CACHE", str(tmp_path))
    folder = write_tiny_gpt2(tmp_path / "gpt2")
    model = read_model(folder, read_config(folder), torch.float32)
    most = model.config.max_position_embeddings
    source = SampledText(sequences=16, openings=("large hot",))
    assert made(source, context=most - 1, model=model, held_out=0.5).train.tokens.shape[1] == most - 1
    with pytest.raises(
        UserError, match=f"{most} tokens after an opening of 2 are more than the model's context of {most}"
    ):
        made(source, context=most, model=model, held_out=0.5)


def test_how_many_are_sampled_together_is_part_of_what_is_drawn(tmp_path, monkeypatch, tiny_llama):
    """And the text of the usual number is what it was before there was a choice."""
    from interp.models.directory import read_config, read_model

    monkeypatch.setenv("INTERP_CACHE", str(tmp_path))
    model = read_model(tiny_llama, read_config(tiny_llama), torch.float32)
    usual, same, other = (
        made(SampledText(sequences=40, **how), model=model) for how in ({}, {"together": 128}, {"together": 7})
    )
    assert torch.equal(usual.train.tokens, same.train.tokens)
    assert usual.sha256 != other.sha256
    assert len(list(tmp_path.glob("text/*/tokens.safetensors"))) == 2


@pytest.mark.parametrize("damage", ["cut", "missing", "exchanged", "no hash"])
def test_sampled_text_that_was_damaged_is_sampled_again(tmp_path, monkeypatch, tiny_llama, damage):
    from safetensors.torch import save_file

    from interp.models.directory import read_config, read_model

    monkeypatch.setenv("INTERP_CACHE", str(tmp_path))
    model = read_model(tiny_llama, read_config(tiny_llama), torch.float32)
    first = made(SampledText(sequences=40), model=model)
    (kept,) = tmp_path.glob("text/*/tokens.safetensors")
    if damage == "cut":
        kept.write_bytes(kept.read_bytes()[:-8])
    elif damage == "exchanged":
        save_file({"tokens": torch.zeros(40, 8, dtype=torch.long)}, kept)
    else:
        (kept if damage == "missing" else kept.with_name("sha256")).unlink()
    assert torch.equal(first.train.tokens, made(SampledText(sequences=40), model=model).train.tokens)


def test_sampling_begins_with_one_known_token(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERP_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="it must be one"):
        made(SampledText(begin="large hot"))


def test_longer_text_is_held_out_too(tmp_path):
    """Neighbours in the stream none of which is trained on; sampled text has none."""
    rows = torch.randint(2, 100, (200, 8), generator=torch.Generator().manual_seed(0))
    words = {index: token for token, index in word_tokenizer().get_vocab().items()}
    path = tmp_path / "text.txt"
    path.write_text("".join(words[int(token)] for token in rows.flatten()), encoding="utf-8")
    found = made(FileText(path=str(path)), held_out=0.5, evaluated=20)
    assert torch.equal(found.of_length(5), found.held_out[:, :5])
    longer = found.of_length(14)
    assert longer.shape[1] == 14
    assert 2 <= len(longer) <= 10
    trained = {tuple(row) for row in found.train.tokens.tolist()}
    for row in longer:
        assert tuple(row[:8].tolist()) not in trained
        assert tuple(row[8:].tolist()) not in {one[:6] for one in trained}
        places = [place for place, one in enumerate(found.stream) if torch.equal(row[:8], one)]
        assert any(torch.equal(row[8:], found.stream[place + 1][:6]) for place in places)
