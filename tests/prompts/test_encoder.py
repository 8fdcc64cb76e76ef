"""Answers as tokens in context, with a tokenizer that puts a word boundary before every text, as Llama 2's does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from interp.errors import UserError
from interp.interventions import Engine
from interp.metrics import LogitDiff
from interp.models import load_model
from interp.models.config import DirectoryModel
from interp.models.token_ids import TokenIds
from interp.prompts.builtin.antonyms import Antonyms
from interp.prompts.config import PromptsConfig
from interp.prompts.encoder import Encoder
from interp.prompts.listed import Listed
from interp.prompts.regroup import Group, grouped_sets
from interp.prompts.roles import RoleSpec
from interp.prompts.select import choose_prompts
from tests.tiny_models import FIGURE, boundary_tokenizer, word_tokenizer, write_tiny_llama

HOT = FIGURE.replace("large", "hot")


@pytest.fixture(scope="module")
def tokenizer():
    return boundary_tokenizer()


@pytest.fixture(scope="module")
def encoder(tokenizer):
    return Encoder(tokenizer, prepend_bos=False)


def test_the_tokenizer_is_of_the_kind_that_is_meant(tokenizer):
    assert tokenizer.tokenize("small") == ["▁small"]
    assert tokenizer.tokenize(" small") == ["▁", "▁small"]
    assert tokenizer.tokenize(FIGURE) == ["▁The", "▁opposite", "▁of", '▁"', "large", '"', "▁is", '▁"']


@pytest.mark.parametrize(
    ("prompt", "text", "piece"),
    [
        (FIGURE, "small", "small"),
        (FIGURE, " small", "▁small"),
        ("The opposite of large is", " small", "▁small"),
        ("The opposite of large is", '"', '"'),
    ],
)
def test_the_answer_is_the_token_by_which_the_prompt_goes_on(encoder, tokenizer, prompt, text, piece):
    (token,) = encoder.following(prompt, text, "the answer")
    assert tokenizer.convert_ids_to_tokens(token) == piece
    assert [*encoder.ids(prompt), token] == encoder.ids(prompt + text)


@pytest.mark.parametrize(
    ("prompt", "text", "says"),
    [
        ("The opposite of large is ", "small", "changes the prompt's own tokens, from .* to .*a space .* the answer"),
        (FIGURE, "small cold", r"the answer 'small cold' is 2 tokens \(small\|cold\), where one is needed"),
        (FIGURE, "", "the answer '' is 0 tokens"),
        (FIGURE, "☃", "the answer '☃' is unknown to the tokenizer"),
    ],
)
def test_what_is_no_token_of_its_own_is_refused(encoder, prompt, text, says):
    with pytest.raises(UserError, match=says):
        encoder.following(prompt, text, "the answer")


def test_answers_and_foils_of_tasks_and_groups_are_read_in_context(encoder, tokenizer):
    templates = (FIGURE.replace("large", "{word}"), "The opposite of {word} is")
    book = choose_prompts(PromptsConfig(task=Antonyms(templates=templates, max_pairs=4)), encoder, [], rng())
    for one, boundary in zip(book.sets, ("", "▁"), strict=True):
        for column, name in ((one.answer, "answer"), (one.foil, "foil")):
            pieces = tokenizer.convert_ids_to_tokens(column.tolist())
            assert pieces == [boundary + getattr(pair, name).strip() for pair in one.pairs]
    group = Group(name="end", at="query", corrupted='The opposite of "{word}" is a', foil=" {answer}")
    made, _ = grouped_sets(book.sets[0], group, encoder)
    assert tokenizer.convert_ids_to_tokens(made.foil.tolist()) == [f"▁{pair.fields['answer']}" for pair in made.pairs]


def test_the_metric_is_that_of_hugging_face_in_context(tmp_path, tokenizer):
    folder = write_tiny_llama(tmp_path / "boundaries", tokenizer=tokenizer)
    loaded = load_model(DirectoryModel(source="directory", path=str(folder)))
    pair = {"clean": FIGURE, "corrupted": HOT, "answer": "small", "foil": "cold", "word": "large"}
    config = PromptsConfig(task=Listed(pairs=[pair]), keep="all")
    one = choose_prompts(config, Encoder(loaded.tokenizer, False), [], rng()).sets[0]

    ours = Engine(loaded.hooked).read(one, LogitDiff(), "clean")
    model, plain = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        logits = model(**plain(FIGURE, return_tensors="pt", add_special_tokens=False)).logits[0, -1]
    answer, foil = (plain(FIGURE + word, add_special_tokens=False)["input_ids"][-1] for word in ("small", "cold"))
    assert ours.item() == pytest.approx(float(logits[answer] - logits[foil]), abs=1e-4)


def test_a_token_beyond_the_embedding_is_named():
    tokenizer = word_tokenizer()
    n = len(tokenizer)
    last = tokenizer.convert_ids_to_tokens(n - 1)
    assert Encoder(tokenizer, False, n).ids(last) == [n - 1]
    with pytest.raises(UserError, match=f"{last!r} with id {n - 1}, but the model's embedding ends at id {n - 2}"):
        Encoder(tokenizer, False, n - 1).ids(last)
    tokenizer.add_special_tokens({"bos_token": "<bos>"})
    assert Encoder(tokenizer, False, n).n_bos == 0
    with pytest.raises(UserError, match=f"model.prepend_bos has the token '<bos>' with id {n}"):
        Encoder(tokenizer, True, n)


def test_a_text_that_the_tokenizer_cannot_encode_is_named():
    class Broken:
        def __call__(self, text, **_):
            raise Exception("WordLevel error: Missing [UNK] token from the vocabulary")

    with pytest.raises(UserError, match="cannot encode 'snow' .*Missing"):
        Encoder(Broken(), False).ids("snow")


def test_a_role_may_stand_at_a_word_with_a_boundary(encoder):
    assert RoleSpec(token="of").resolve("r", [encoder.text(one) for one in encoder.ids(FIGURE)], {}) == (3,)


def rng():
    return np.random.default_rng(0)


def test_a_prompt_longer_than_the_context_is_refused_and_one_that_fills_it_is_not():
    text = "hot cold " * 4
    n = len(Encoder(word_tokenizer(), True).prompt(text))
    assert len(Encoder(word_tokenizer(), True, n_context=n).prompt(text)) == n
    with pytest.raises(UserError, match=f"has {n - 1} tokens and the BOS token, but the model reads at most {n - 1} "):
        Encoder(word_tokenizer(), True, n_context=n - 1).prompt(text)


@pytest.mark.parametrize("bos", [True, False])
def test_an_empty_prompt_is_refused(bos):
    with pytest.raises(UserError, match="the prompt is empty"):
        Encoder(word_tokenizer(), bos).prompt("")


@pytest.mark.parametrize("make", [boundary_tokenizer, word_tokenizer])
def test_texts_are_tokenised_ahead_as_one_by_one(make):
    texts = [FIGURE, FIGURE + "small", " small", "", HOT, FIGURE]
    alone, ahead = Encoder(make(), False), Encoder(make(), False)
    ahead.look_ahead(texts)
    assert [ahead.ids(text) for text in texts] == [alone.ids(text) for text in texts]
    ahead.look_ahead([FIGURE, "\ud800"])
    assert ahead.ids(FIGURE) == alone.ids(FIGURE)
    with pytest.raises(UserError, match="cannot encode"):
        ahead.ids("\ud800")


def test_a_hundred_prompts_are_tokenised_in_a_few_calls(monkeypatch):
    """One by one, validate took a minute for 10^5."""
    tokenizer = word_tokenizer()
    calls = []
    plain = type(tokenizer).__call__
    monkeypatch.setattr(type(tokenizer), "__call__", lambda *args, **more: calls.append(1) or plain(*args, **more))
    made = choose_prompts(PromptsConfig(task=Antonyms(max_pairs=100)), Encoder(tokenizer, False), [], rng())
    assert len(made) > 100
    assert len(calls) <= 1 + len(made.sets)


def test_ids_as_text_are_read_ahead_many_at_a_time(monkeypatch):
    encoder = Encoder(TokenIds(20), prepend_bos=False)
    encoder.look_ahead(["3 14", "", "7"])
    monkeypatch.setattr(TokenIds, "__call__", lambda *_, **__: pytest.fail("read once more"))
    assert [encoder.ids(text) for text in ("3 14", "", "7")] == [[3, 14], [], [7]]


def test_a_text_that_is_no_ids_is_told_when_it_is_asked_for():
    encoder = Encoder(TokenIds(20), prepend_bos=False)
    encoder.look_ahead(["3 14", "20"])
    assert encoder.ids("3 14") == [3, 14]
    with pytest.raises(UserError, match="'20' is no token id"):
        encoder.ids("20")
