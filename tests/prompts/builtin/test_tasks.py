"""The built-in tasks on tokenizers of different kinds, without a model: what is asked, where it differs, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from interp.errors import UserError
from interp.prompts import tasks
from interp.prompts.builtin.generated import EveryWord, placed
from interp.prompts.config import PromptsConfig
from interp.prompts.encoder import Encoder
from interp.prompts.select import BEYOND, choose_prompts
from tests.prompts.builtin.tokenizers import MISSING, byte_pairs, of_words

# What a corruption may change, as roles: the tokens there, and no others, differ between the two prompts.
CHANGED = {
    "agreement": {"number": {"key"}, "noun": {"key"}},
    "country_capital": {"country": {"key"}, "relation": {"relation"}},
    "docstring": {
        "answer": {"c"},
        "function": {"a", "b", "c"},
        "docstring": {"doc_a", "doc_b"},
        "both": {"a", "b", "c", "doc_a", "doc_b"},
    },
    "gender_bias": {"person": {"key"}, "profession": {"key"}},
    "greater_than": {"first_year": {"years"}, "other_year": {"years"}},
    "induction": {"next_word": {"key"}, "previous_word": {"previous"}},
    "ioi": {"other_name": {"s2"}, "indirect_object": {"s2"}, "all_names": {"io", "s1", "s2"}},
    "pronoun": {"name": {"key"}, "unnamed": {"key"}},
}
VARIANTS = [
    *({"kind": kind, "corruption": corruption} for kind, some in CHANGED.items() for corruption in some),
    *({"kind": "agreement", "corruption": "number", "structure": one} for one in ("simple", "within_rc")),
    *({"kind": "ioi", "corruption": "other_name", "length": "long", "order": one} for one in ("abba", "baba")),
    {"kind": "induction", "corruption": "next_word", "n_words": 4, "repeated": 1},
]
TOKENIZERS = {"words": of_words, "byte pairs": byte_pairs}


def encoder(name="words", **more):
    return Encoder(TOKENIZERS[name](), prepend_bos=False, **more)


def choose(task, name="words", seed=0, ask=(), **more):
    config = PromptsConfig(task=task, **more)
    return choose_prompts(config, encoder(name), list(ask), np.random.default_rng(seed))


def said(book):
    return [(pair.clean, pair.corrupted, pair.answer, pair.foil) for one in book.sets for pair in one.pairs]


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("task", VARIANTS, ids=lambda task: " ".join(map(str, task.values())))
def test_prompts_are_of_one_length_differ_where_they_should_and_are_asked_once(task, name):
    n = 16
    book = choose({"max_pairs": n, **task}, name)
    left_out = [one for one in book.dropped if one.reason != BEYOND]
    assert len({pair.pair for one in book.sets for pair in one.pairs}) >= 0.75 * n, left_out[:3]
    assert len(set(said(book))) == len(book)
    for one in book.sets:
        allowed = {place for role in CHANGED[task["kind"]][task["corruption"]] for place in one.indices(role)}
        differs = one.clean != one.corrupted
        assert differs.any(dim=1).all()
        assert set(differs.any(dim=0).nonzero()[:, 0].tolist()) <= allowed
        assert (one.answer != one.foil).all()
        assert one.position("query") == one.n_tokens


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize(
    ("task", "role", "field"),
    [
        *(({"kind": "ioi"}, role, role) for role in ("io", "s1", "s2")),
        ({"kind": "ioi"}, "key", "answer"),
        ({"kind": "induction"}, "key", "answer"),
        ({"kind": "docstring"}, "key", "answer"),
        *(({"kind": "docstring"}, role, role) for role in ("a", "b", "doc_a", "doc_b")),
        ({"kind": "agreement", "structure": "within_rc"}, "key", "noun"),
        ({"kind": "country_capital"}, "key", "country"),
        ({"kind": "pronoun"}, "key", "name"),
        ({"kind": "gender_bias"}, "key", "profession"),
    ],
)
def test_roles_are_at_the_tokens_of_their_words(task, role, field, name):
    for one in choose({"max_pairs": 8, **task}, name).sets:
        (place,) = one.positions(role)
        for tokens, pair in zip(one.clean_tokens, one.pairs, strict=True):
            assert tokens[place - 1].strip() == pair.fields[field]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_years_key_is_its_two_digits_and_what_is_right_lies_after_them(name):
    for one in choose({"kind": "greater_than", "max_pairs": 12}, name).sets:
        place = one.position("key")
        for tokens, pair in zip(one.clean_tokens, one.pairs, strict=True):
            year = pair.fields["start"][2:]
            assert tokens[place - 1] == year
            right, wrong = {pair.answer, *pair.answers}, {pair.foil, *pair.foils}
            assert min(right) > year == max(wrong)
            assert len(right) + len(wrong) >= (100 if name == "words" else 50)
        assert {tokens[place - 1] for tokens in one.corrupted_tokens} == {"01"}


@pytest.mark.parametrize("kind", CHANGED)
def test_the_seed_decides_what_is_asked(kind):
    first, again, other = (said(choose({"kind": kind, "max_pairs": 8}, seed=seed)) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("kind", CHANGED)
def test_wordings_are_several_and_share_their_layout(kind):
    book = choose({"kind": kind, "wordings_per_pair": 100, "max_pairs": 4}, "byte pairs")
    wordings = tasks[kind](kind=kind).own_wordings()
    assert len(book.sets) == len(wordings) >= 2
    layouts = {(one.n_tokens, *sorted((role, places) for role, places in one.roles.items())) for one in book.sets}
    assert len(layouts) == (2 if kind == "ioi" else 1)  # either name may stand first


@pytest.mark.parametrize("kind", ["pronoun", "gender_bias", "agreement"])
def test_either_answer_is_right_as_often(kind):
    book = choose({"kind": kind, "wordings_per_pair": 1, "max_pairs": 12})
    is_first = [pair.answer in (" he", " is", " has", " was", " does") for one in book.sets for pair in one.pairs]
    assert sum(is_first) == 6 == len(is_first) / 2


def test_words_that_the_tokenizer_cuts_are_not_drawn_and_are_named():
    for kind, word in zip(("ioi", "gender_bias", "country_capital"), MISSING, strict=True):
        book = choose({"kind": kind})
        assert any(word in remark and "not one token" in remark for remark in book.notes), book.remarks
        assert not any(word in text for pair in said(book) for text in pair)
        assert not tasks[kind](kind=kind).draw(EveryWord(), np.random.default_rng(0)).remarks


def test_a_task_whose_words_the_tokenizer_lacks_is_refused_with_the_reason():
    tokenizer = of_words()
    letters = Encoder(tokenizer, prepend_bos=False, n_embeddings=len(tokenizer))
    task = PromptsConfig(task={"kind": "induction"}).task
    letters.added = lambda before, text: len(text)
    with pytest.raises(UserError, match="at most 0 different prompts .* words .* are not one token to this tokenizer"):
        task.draw(letters, np.random.default_rng(0))


@pytest.mark.parametrize("corruption", ["first_year", "other_year"])
def test_of_years_of_single_digits_the_tens_digit_decides(corruption):
    """No year of the decade comes after its last one, so a larger tens digit, and it alone, makes a later year."""
    digits = Encoder(byte_pairs(single_digits=True), prepend_bos=False)
    config = PromptsConfig(task={"kind": "greater_than", "corruption": corruption, "max_pairs": 20})
    (book,) = [choose_prompts(config, digits, [], np.random.default_rng(0))]
    pairs = [pair for one in book.sets for pair in one.pairs]
    assert len({pair.fields["start"][2] for pair in pairs}) > 4
    for pair in pairs:
        start = int(pair.fields["start"][2:])
        right, wrong = {pair.answer, *pair.answers}, {pair.foil, *pair.foils}
        for ten in "0123456789":
            later = [10 * int(ten) + last > start for last in range(10)]
            assert (ten in right, ten in wrong) == (all(later), not any(later))
    for one in book.sets:
        place = one.position("key")
        assert [tokens[place - 1] for tokens in one.clean_tokens] == [pair.fields["start"][2] for pair in one.pairs]
        if corruption == "first_year":
            assert {tokens[place - 1] for tokens in one.corrupted_tokens} == {"0"}


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ({"kind": "gender_bias", "max_pairs": 1000}, "at most 36 different prompts .* max_pairs asks for 1000"),
        (
            {"kind": "ioi", "wordings": ["{io} and {s1} met, {s2} and {nobody}"]},
            "has the field {nobody}; the fields here are",
        ),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(task, says):
    with pytest.raises(UserError, match=says) as caught:
        choose(task)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ({"kind": "induction", "n_words": 5, "repeated": 5}, r"repeated \(5\) must be less than n_words \(5\)"),
        ({"kind": "ioi", "wordings": ["{io} and {s1} met"]}, "must have the field {s2} once"),
        ({"kind": "ioi", "wordings": ["{io} and {s1} met, {s2} and {s2}"]}, "must have the field {s2} once"),
        ({"kind": "pronoun", "wordings": ["{name} is", "{name} is"]}, "a wording stands twice"),
    ],
)
def test_bad_settings_are_one_sentence(task, says):
    with pytest.raises(ValidationError, match=says):
        PromptsConfig(task=task)


def test_settings_next_to_the_bad_ones_work():
    assert len(choose({"kind": "induction", "n_words": 5, "repeated": 4})) == 64
    own = choose({"kind": "ioi", "wordings": ["Once {io} met {s1} in the park, {s2} gave the {object} to"]})
    assert len(own.sets) == 1
    assert len(own) == 64


def test_a_wording_of_any_braces_is_filled_and_says_where():
    text, spans = placed("{{a}} {a} {", {"a": "word"})
    assert (text, spans) == ("{a} word {", {"a": "4:8"})


def judged_right(share, choice=False):
    """A model that answers this share of its prompts correctly, or prefers the answer in it."""
    calls = []

    def ask(tokens, query, wanted):
        calls.append(len(tokens))
        right = torch.arange(len(tokens)) < share * len(tokens)
        is_foil = choice and len(calls) % 3 == 0
        return torch.where(right, wanted, torch.zeros_like(wanted)), torch.where(right, -1.0, -3.0) * (
            0.5 if is_foil else 1
        )

    return ask


def test_a_model_that_does_not_do_the_task_is_refused_and_one_that_does_is_not():
    with pytest.raises(
        UserError, match=r"answers 2\d% of the candidates .* min_accuracy is 50%.*`keep: all` measures"
    ) as caught:
        choose({"kind": "induction", "min_accuracy": 0.5}, ask=[judged_right(0.25)])
    assert "\n" not in str(caught.value)
    assert "Repeat: {list} {again}" in str(caught.value)
    assert len(choose({"kind": "induction", "min_accuracy": 0.5}, ask=[judged_right(0.25)], keep="all")) == 64
    book = choose({"kind": "induction", "min_accuracy": 0.2}, ask=[judged_right(0.25)])
    assert len(book) == sum(one.right for one in book.judged[0]) > 0


def test_of_a_choice_a_prompt_is_right_where_the_answer_ranks_above_the_foil():
    def ask(tokens, query, wanted):  # never says either word, and holds every ` she` for likelier
        is_she = wanted == encoder().ids(" she")[0]
        return torch.zeros_like(wanted), torch.where(is_she, -5.0, -6.0)

    with pytest.raises(UserError, match=r"answers 50% of the candidates"):
        choose({"kind": "pronoun"}, ask=[ask])
    book = choose({"kind": "pronoun", "min_accuracy": 0.5}, ask=[ask])
    assert {pair.answer for one in book.sets for pair in one.pairs} == {" she"}
    assert "the model prefers ' she'" in {one.reason for one in book.dropped}


@pytest.mark.parametrize("kind", ["ioi", "induction", "country_capital", "docstring", "greater_than"])
def test_the_nonsense_twin_asks_the_same_prompts_for_other_answers(kind):
    true, nonsense = (choose({"kind": kind, "pairing": pairing, "max_pairs": 12}) for pairing in ("true", "shuffled"))
    assert [one[:2] for one in said(true)] == [one[:2] for one in said(nonsense)]
    changed = (
        [
            a.answers != b.answers
            for one, other in zip(true.sets, nonsense.sets, strict=True)
            for a, b in zip(*(x.pairs for x in (one, other)), strict=True)
        ]
        if kind == "greater_than"
        else [a[2] != b[2] for a, b in zip(said(true), said(nonsense), strict=True)]
    )
    assert all(changed)


@pytest.mark.parametrize("kind", ["pronoun", "gender_bias"])
def test_of_two_answers_the_nonsense_twin_exchanges_half(kind):
    true, nonsense = (choose({"kind": kind, "pairing": pairing, "max_pairs": 12}) for pairing in ("true", "shuffled"))
    turned = {
        a.pair: (a.answer, a.foil) == (b.foil, b.answer)
        for one, other in zip(true.sets, nonsense.sets, strict=True)
        for a, b in zip(*(x.pairs for x in (one, other)), strict=True)
    }
    assert sum(turned.values()) == len(turned) // 2
