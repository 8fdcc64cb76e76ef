"""From candidates to prompt sets, with the tiny word tokenizer."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from interp.errors import UserError
from interp.prompts import Task
from interp.prompts.book import reasons
from interp.prompts.builtin.antonyms import WORD_PAIRS, Antonyms
from interp.prompts.config import PromptsConfig
from interp.prompts.encode import Dropped
from interp.prompts.encoder import Encoder
from interp.prompts.listed import Listed
from interp.prompts.pairs import PromptSet
from interp.prompts.regroup import Group, grouped_sets
from interp.prompts.roles import RoleSpec
from interp.prompts.select import choose_prompts, drop_without_gap
from tests.tiny_models import FIGURE, word_tokenizer


@pytest.fixture(scope="module")
def encoder():
    return Encoder(word_tokenizer(), prepend_bos=False)


def choose(encoder, top1=None, seed=0, **settings):
    return choose_prompts(PromptsConfig(**settings), encoder, [top1] if top1 else [], np.random.default_rng(seed))


def listed(*pairs, **settings):
    base = {
        "clean": FIGURE,
        "corrupted": FIGURE.replace("large", "hot"),
        "answer": "small",
        "foil": "cold",
        "word": "large",
    }
    return {"task": Listed(pairs=[base | pair for pair in pairs]), **settings}


def test_there_are_many_pairs_and_four_wordings_and_no_word_stands_twice():
    words = [*WORD_PAIRS, *WORD_PAIRS.values()]
    assert len(WORD_PAIRS) >= 300  # about half of them are single tokens to a given tokenizer
    assert len(set(words)) == len(words)
    assert len(Antonyms().templates) >= 4


def test_the_focus_prompt_is_the_figures(encoder):
    first = choose(encoder).sets[0]
    assert first.pairs[0].clean == FIGURE
    assert first.pairs[0].focus
    assert (first.pairs[0].corrupted, first.pairs[0].answer, first.pairs[0].foil) == (
        'The opposite of "hot" is "',
        "small",
        "cold",
    )
    assert len(first.clean_tokens[0]) == 8
    assert (first.position("key"), first.position("query"), first.query_index) == (5, 8, 7)


def test_every_pair_differs_from_its_corruption_in_the_key_token_alone(encoder):
    for one in choose(encoder).sets:
        assert (one.clean != one.corrupted).sum(dim=1).tolist() == [1] * len(one)
        assert one.first_difference == one.indices("key")[0]
        assert (one.answer != one.foil).all()


def test_a_bos_token_moves_indices_and_no_position():
    one = choose(Encoder(word_tokenizer(), prepend_bos=True)).sets[0]
    assert (one.position("key"), one.position("query")) == (5, 8)
    assert (one.indices("key"), one.query_index, one.n_tokens) == ((5,), 8, 8)
    assert one.clean[0, 0] == 0


def test_the_same_seed_pairs_the_same_words(encoder):
    foils = [[pair.foil for pair in choose(encoder, seed=seed).sets[0].pairs] for seed in (1, 1, 2)]
    assert foils[0] == foils[1] != foils[2]


def test_wrong_answers_are_dropped_with_what_the_model_said(encoder):
    night = encoder.ids("night")[0]

    def top1(tokens, query, wanted):  # right on everything but one word in one wording
        assert (tokens[:, query] == encoder.ids(' "')[0]).all()
        answers = []
        for row in tokens.tolist():
            text = "".join(encoder.text(token) for token in row)
            word = next(word for word in WORD_PAIRS if f'"{word}"' in text)
            wrong = word == "large" and text.startswith("The antonym")
            answers.append(night if wrong else encoder.ids(WORD_PAIRS[word])[0])
        return torch.tensor(answers), torch.zeros(len(answers))

    everywhere = choose(encoder, top1, keep="correct_in_every_template")
    assert all(len(one) == len(WORD_PAIRS) - 1 for one in everywhere.sets)
    reasons = {one.template: one.reason for one in everywhere.dropped if one.pair == "large/small"}
    assert len(reasons) == 4
    assert "the model answers 'night'" in reasons['The antonym of "{word}" is "']
    assert "only in 3 of 4" in reasons[FIGURE.replace("large", "{word}")]
    each = choose(encoder, top1)
    assert [len(one) for one in each.sets] == [len(WORD_PAIRS) - (number == 1) for number in range(4)]
    assert len(choose(encoder, top1, keep="all")) == 4 * len(WORD_PAIRS)


def test_max_pairs_keeps_the_same_words_in_every_wording(encoder):
    book = choose(encoder, task=Antonyms(max_pairs=5))
    words = [{pair.fields["word"] for pair in one.pairs} for one in book.sets]
    assert [len(one) for one in words] == [5] * 4
    assert all(one == words[0] for one in words)


def test_words_of_several_tokens_are_dropped_by_name(encoder):
    book = choose(encoder, task=Antonyms(pairs={"large": "small", "hot": "cold", "un known": "x"}))
    assert {one.pair for one in book.dropped} == {"un known/x"}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"roles": {"key": RoleSpec(position=12), "query": RoleSpec(position="end")}},
            "no prompt pair is left .*position 12",
        ),
        (
            {"roles": {"key": RoleSpec(position="end"), "query": RoleSpec(position=2)}},
            "key position .* comes after query",
        ),
        (listed({"corrupted": "The opposite"}), "has 2 tokens, but the clean prompt has 8"),
        (listed({"corrupted": FIGURE}), "equals the clean prompt"),
        (listed({"foil": "small"}), "is the answer itself"),
        (listed({"answer": "small cold"}), "the answer 'small cold' is 2 tokens"),
        (
            listed({}, {"clean": "The " + FIGURE, "corrupted": "The " + FIGURE.replace("large", "hot")}),
            "unequal length",
        ),
        (listed({"word": "hot"}), "role 'key' declares token 'hot'"),
        (listed({}, roles={"key": RoleSpec(token="of"), "query": RoleSpec(token="opposite")}), "comes after query"),
    ],
)
def test_bad_prompts_are_one_sentence(encoder, settings, says):
    with pytest.raises(UserError, match=says):
        choose(encoder, **settings)


def test_reasons_that_differ_in_what_they_quote_are_one():
    with pytest.raises(
        UserError, match=r"the commonest reason \((\d+) of \1\): the text 'The opposite .* ends at id 49"
    ):
        choose(Encoder(word_tokenizer(), False, n_embeddings=50))


def test_pairs_without_a_gap_are_dropped_and_reported(encoder):
    book = choose(encoder, task=Antonyms(max_pairs=3, templates=TEMPLATE))
    kept = drop_without_gap(book, [[5.0, 0.01, -3.0]], 0.1)
    assert [pair.fields["word"] for pair in kept.sets[0].pairs] == [
        book.sets[0].pairs[i].fields["word"] for i in (0, 2)
    ]
    assert kept.sets[0].prompts == (0, 1)
    assert "gap 0.01 is below min_gap 0.1" in kept.dropped[-1].reason
    with pytest.raises(UserError, match="no prompt pair is left"):
        drop_without_gap(book, [[0.0, 0.0, 0.0]], 0.1)


TEMPLATE = (FIGURE.replace("large", "{word}"),)


def test_a_group_keeps_the_clean_prompts_and_changes_the_corruption(encoder):
    base = choose(encoder, task=Antonyms(templates=TEMPLATE, max_pairs=4)).sets[0]
    group = Group(
        name="opposite", at=RoleSpec(token="opposite"), corrupted='The synonym of "{word}" is "', foil="{word}"
    )
    made, dropped = grouped_sets(base, group, encoder)
    assert isinstance(made, PromptSet)
    assert not dropped
    assert torch.equal(made.clean, base.clean)
    assert made.roles["opposite"] == (2,)
    assert made.corrupted_tokens[0][1] == " synonym"
    assert [pair.foil for pair in made.pairs] == [pair.fields["word"] for pair in base.pairs]
    assert made.prompts == base.prompts


def test_a_group_that_changes_the_length_is_dropped_with_the_reason(encoder):
    base = choose(encoder, task=Antonyms(templates=TEMPLATE, max_pairs=2)).sets[0]
    made, dropped = grouped_sets(base, Group(name="g", at="key", corrupted='opposite "{word}"'), encoder)
    assert made is None
    assert "must be equally long" in dropped[0].reason


def test_a_model_without_bos_token_cannot_prepend_one():
    tokenizer = word_tokenizer()
    tokenizer.bos_token = None
    with pytest.raises(UserError, match="prepend_bos"):
        Encoder(tokenizer, prepend_bos=True)


def test_positions_outside_the_prompt_and_unknown_roles(encoder):
    one = choose(encoder, task=Antonyms(max_pairs=2)).sets[0]
    with pytest.raises(UserError, match="position 9 is outside the prompt"):
        one.positions(9)
    with pytest.raises(UserError, match="no role 'end'; the prompts have key, query"):
        one.positions("end")
    with pytest.raises(UserError, match="has 2 positions"):
        dataclasses.replace(one, roles={"both": (1, 2)}).position("both")


def test_tasks_are_registered_classes():
    assert issubclass(Antonyms, Task)


def test_reasons_that_differ_in_what_they_quote_are_one_and_the_commonest_stands_first():
    left = [Dropped("a", "t", why) for why in ("no gap 0.1", "answer 'x' is 2 tokens", "answer 'y z' is 3 tokens")]
    assert reasons(left) == [(2, "answer 'x' is 2 tokens"), (1, "no gap 0.1")]
    assert reasons([]) == []
