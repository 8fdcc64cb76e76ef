"""Prompts are known by their ids: texts, word pairs and templates need not be unique."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from interp.errors import UserError
from interp.interventions import Engine
from interp.metrics import LogitDiff
from interp.prompts.builtin.antonyms import Antonyms
from interp.prompts.config import PromptsConfig
from interp.prompts.encoder import Encoder
from interp.prompts.listed import Listed
from interp.prompts.pairs import PromptPair
from interp.prompts.regroup import Group, grouped_sets
from interp.prompts.roles import RoleSpec
from interp.prompts.select import choose_prompts
from interp.prompts.task import Task
from tests.interventions.models import random_model
from tests.tiny_models import FIGURE, word_tokenizer

ROLES = {"key": RoleSpec(position=5), "query": RoleSpec(position="end")}


@pytest.fixture(scope="module")
def encoder():
    return Encoder(word_tokenizer(), prepend_bos=False)


def pair(word="large", other="hot", answer="small", foil="cold", **more):
    made = {"clean": FIGURE.replace("large", word), "corrupted": FIGURE.replace("large", other)}
    return {**made, "answer": answer, "foil": foil, **more}


def choose(encoder, pairs, top1=None, **settings):
    config = PromptsConfig(task=Listed(pairs=pairs), roles=ROLES, **settings)
    return choose_prompts(config, encoder, [top1] if top1 else [], np.random.default_rng(0))


def says(encoder, *words):
    """A model whose first predictions are these words, prompt by prompt."""
    first = torch.tensor([encoder.ids(word)[0] for word in words])
    return lambda tokens, query, wanted: (first, torch.zeros(len(tokens)))


def right(book):
    """(Right answers, candidates) of the one model."""
    return sum(one.right for one in book.judged[0]), len(book.judged[0])


def test_the_same_prompt_with_another_answer_is_measured_with_its_own(encoder):
    one = choose(encoder, [pair(), pair(answer="dark"), pair(foil="dark")]).sets[0]
    assert one.answer.tolist() == [encoder.ids(word)[0] for word in ("small", "dark", "small")]
    assert one.foil.tolist() == [encoder.ids(word)[0] for word in ("cold", "cold", "dark")]
    assert one.prompts == (0, 1, 2)
    model = random_model("gpt2")
    with torch.no_grad():
        small = one.take([0, 1, 2])
        logits = model(small.clean % 23)[:, -1]
    tiny = {name: getattr(small, name) % 23 for name in ("clean", "corrupted", "answer", "foil")}
    measured = Engine(model).read(dataclasses.replace(small, **tiny), LogitDiff(), "clean")
    rows = torch.arange(3)
    expected = logits[rows, tiny["answer"]] - logits[rows, tiny["foil"]]
    torch.testing.assert_close(measured, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("said", "n_right", "kept"),
    [
        (("small", "small"), 1, [0]),
        (("dark", "dark"), 1, [1]),
        (("small", "dark"), 2, [0, 1]),
    ],
)
def test_every_answer_is_held_against_its_own_prediction(encoder, said, n_right, kept):
    book = choose(encoder, [pair(), pair(answer="dark")], says(encoder, *said), keep="correct")
    assert right(book) == (n_right, 2)
    assert [one.id for one in book.sets[0].pairs] == kept
    assert len(book.dropped) == 2 - n_right


CLUSTER = [
    pair(cluster="c"),
    pair("hot", "large", "cold", "small", cluster="c"),
    pair("good", "hot", "bad", "cold", cluster="c"),
]


def test_none_of_a_cluster_right_is_none_right(encoder):
    book = choose(encoder, CLUSTER, says(encoder, "dark", "dark", "dark"), keep="all")
    assert right(book) == (0, 3)
    with pytest.raises(UserError, match=r"no prompt pair is left .*\(3 of 3\): the model answers 'dark'"):
        choose(encoder, CLUSTER, says(encoder, "dark", "dark", "dark"), keep="correct")


@pytest.mark.parametrize(("keep", "left"), [("all", 3), ("correct", 2), ("correct_in_every_template", 0)])
def test_a_wrong_prompt_takes_its_cluster_along_only_where_that_is_asked(encoder, keep, left):
    top1 = says(encoder, "small", "dark", "bad")
    if left:
        book = choose(encoder, CLUSTER, top1, keep=keep)
        assert (len(book), right(book)) == (left, (2, 3))
    else:
        with pytest.raises(UserError, match="only in 2 of the 3 prompts of its pair"):
            choose(encoder, CLUSTER, top1, keep=keep)
    whole = choose(encoder, CLUSTER, says(encoder, "small", "cold", "bad"), keep=keep)
    assert len(whole) == 3


def test_a_group_keeps_the_numbers_of_prompts_with_the_same_text(encoder):
    base = choose(encoder, [pair(), pair(answer="dark"), pair("hot", "large", "cold", "small")]).sets[0].take([1, 2])
    made, dropped = grouped_sets(base, Group(name="g", at="key", foil="bad"), encoder)
    assert (made.prompts, dropped) == ((1, 2), [])
    assert made.answer.tolist() == base.answer.tolist()
    both = choose(encoder, [pair(answer="dark"), pair()]).sets[0]
    made, dropped = grouped_sets(both, Group(name="g", at="key", foil="dark"), encoder)
    assert made.prompts == (1,)
    assert "is the answer itself" in dropped[0].reason


def test_a_group_whose_tokens_are_elsewhere_is_no_part_of_it(encoder):
    there = {
        "clean": 'The "large" opposite is of "',
        "corrupted": 'The "hot" opposite is of "',
        "answer": "small",
        "foil": "cold",
    }
    base = choose(encoder, [pair(), pair("hot", "large", "cold", "small"), there]).sets[0]
    made, dropped = grouped_sets(base, Group(name="g", at=RoleSpec(token="of")), encoder)
    assert (made.roles["g"], made.prompts) == ((3,), (0, 1))
    assert "at [7], where most prompts have them at [3]" in dropped[0].reason


class Renewing(Task):
    """Corrupts by pairs of its own."""

    kind: str = "renewing"
    keeps_id: bool
    clean: str = FIGURE

    def candidates(self):
        return [PromptPair(FIGURE, "", "small", "", "t", str(number)) for number in range(2)]

    def corrupt(self, pairs, rng):
        other = FIGURE.replace("large", "hot")
        return [
            PromptPair(self.clean, other, one.answer, "cold", "t", one.pair, id=one.id if self.keeps_id else -1)
            for one in pairs
        ]


@pytest.mark.parametrize("settings", [{"keeps_id": False}, {"keeps_id": True, "clean": "The opposite"}])
def test_a_task_that_loses_its_pairs_is_an_error(encoder, settings):
    config = PromptsConfig.model_construct(task=Renewing(keeps_id=True), roles=ROLES, keep="all", min_gap=0)
    assert len(choose_prompts(config, encoder, [], np.random.default_rng(0))) == 2
    config = PromptsConfig.model_construct(task=Renewing(**settings), roles=ROLES, keep="all", min_gap=0)
    with pytest.raises(ValueError, match="corrupt.. must keep id, clean, answer and template"):
        choose_prompts(config, encoder, [], np.random.default_rng(0))


def test_what_is_asked_twice_is_said(encoder):
    assert choose(encoder, [pair(), pair("hot", "large", "cold", "small")]).notes == []
    assert choose(encoder, [pair(), pair(answer="dark")]).notes == []
    (doubled,) = choose(encoder, [pair(), pair("hot", "large", "cold", "small"), pair()]).notes
    assert "stands more than once and counts as often: prompts 0, 2 (" in doubled
    twice, apart = choose(encoder, [pair(cluster="a"), pair(cluster="b")]).notes
    assert "counts as often" in twice
    assert "in several clusters" in apart
    (apart,) = choose(encoder, [pair(cluster="a"), pair(cluster="b", answer="dark")]).notes
    assert "in several clusters" in apart


def test_of_many_that_are_the_same_ten_are_named_and_the_rest_counted(encoder):
    (ten,) = choose(encoder, [pair()] * 10).notes
    assert "prompts 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 (" in ten
    (many,) = choose(encoder, [pair()] * 1500).notes
    assert "8, 9 and 1,490 more (" in many
    assert len(many) < 300


def test_a_beginning_that_is_given_twice_is_said():
    text = 'The opposite of "{word}" is "'
    for bos, template, n_notes in ((True, f"<s>{text}", 1), (False, f"<s>{text}", 0), (True, text, 0)):
        config = PromptsConfig(task=Antonyms(templates=(template,), max_pairs=3))
        notes = choose_prompts(config, Encoder(word_tokenizer(), bos), [], np.random.default_rng(0)).notes
        assert len(notes) == n_notes
        assert not notes or "is given twice in 3 of 3 prompts" in notes[0]


def test_word_pairs_that_read_alike_are_two(encoder):
    task = Antonyms(pairs={"a/b": "c", "a": "b/c"}, focus={"word": "a", "corrupted": None}, templates=("{word}",))
    assert len({one.pair for one in task.candidates()}) == 2
    assert {one.pair for one in Antonyms().candidates()} >= {"large/small"}
