"""The nonsense task asks for other answers whatever the metric reads of them: one token, several, or several right ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interp.errors import UserError
from interp.interventions import Engine
from interp.measure.metric import read_metric
from interp.metrics import AnswerLogProbability, BestLogitDiff, LogitDiff, LogProbabilityDiff, ProbabilityDiff
from interp.prompts.config import PromptsConfig
from interp.prompts.encoder import Encoder
from interp.prompts.listed import Listed
from interp.prompts.select import choose_prompts
from interp.prompts.shuffled import shuffled_sets
from tests.interventions.models import random_model
from tests.tiny_models import FIGURE, word_tokenizer

ASKED = [("large", "hot", "small", "cold"), ("hot", "good", "cold", "bad"), ("good", "new", "bad", "old")]
ALSO = {"small": ["good"], "cold": ["new"], "bad": ["hot"], "old": ["large"]}


def book(several: bool, beside: bool):
    """Three prompts; their answers go on (`small " large`), or have another right one beside them."""
    more = (lambda text: f'{text}" is') if several else (lambda text: text)
    pairs = [
        {
            "clean": FIGURE.replace("large", clean),
            "corrupted": FIGURE.replace("large", corrupted),
            "answer": more(answer),
            "foil": more(foil),
            "answers": ALSO[answer] if beside else [],
            "foils": ALSO[foil] if beside else [],
            "word": clean,
        }
        for clean, corrupted, answer, foil in ASKED
    ]
    config = PromptsConfig(task=Listed(pairs=pairs), keep="all")
    return choose_prompts(config, Encoder(word_tokenizer(), False, several=several), [], np.random.default_rng(0))


@pytest.mark.parametrize(
    ("metric", "several", "beside"),
    [
        (LogitDiff(), False, False),
        (AnswerLogProbability(), True, False),
        (LogProbabilityDiff(), True, False),
        (BestLogitDiff(), False, True),
        (ProbabilityDiff(), False, True),
    ],
    ids=lambda one: getattr(one, "kind", None),
)
def test_the_metric_of_the_nonsense_task_is_that_of_its_own_answers(metric, several, beside):
    (real,) = book(several, beside).sets
    (made,) = shuffled_sets([real], np.random.default_rng(0))
    tokenizer = word_tokenizer()
    model = random_model("gpt2", d_vocab=len(tokenizer))
    assert all(was.answer != now.answer for was, now in zip(real.pairs, made.pairs, strict=True))
    found = read_metric(Engine(model), made, metric, "clean")
    for value, pair in zip(found.tolist(), made.pairs, strict=True):
        assert value == pytest.approx(plainly(model, tokenizer, pair, metric.kind), abs=1e-4)


def plainly(model, tokenizer, pair, kind):
    """The metric of a pair, from whole forward passes over its own texts."""

    def ids(text):
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    def log_prob(text):
        whole, n = ids(pair.clean + text), len(ids(pair.clean))
        said = model(torch.tensor([whole]))[0].log_softmax(-1)
        return sum(float(said[place - 1, whole[place]]) for place in range(n, len(whole)))

    right, wrong = (pair.answer, *pair.answers), (pair.foil, *pair.foils)
    if kind == "answer_log_prob":
        return log_prob(pair.answer)
    if kind == "log_prob_diff":
        return log_prob(pair.answer) - log_prob(pair.foil)
    logits = model(torch.tensor([ids(pair.clean)]))[0, -1]
    if kind == "prob_diff":
        logits = logits.softmax(-1)
    values = [[float(logits[ids(pair.clean + text)[-1]]) for text in texts] for texts in (right, wrong)]
    return sum(values[0]) - sum(values[1]) if kind == "prob_diff" else max(values[0]) - max(values[1])


SIDES = [("large", "hot", "small"), ("hot", "large", "cold"), ("good", "new", "small"), ("new", "good", "cold")]


def two_answers(n: int):
    """Prompts that are answered by one of two words."""
    pairs = [
        {
            "clean": FIGURE.replace("large", clean),
            "corrupted": FIGURE.replace("large", corrupted),
            "answer": answer,
            "foil": "cold" if answer == "small" else "small",
            "word": clean,
        }
        for clean, corrupted, answer in SIDES[:n]
    ]
    config = PromptsConfig(task=Listed(pairs=pairs), keep="all")
    return choose_prompts(config, Encoder(word_tokenizer(), False), [], np.random.default_rng(0))


def test_of_two_answers_half_of_the_pairs_have_them_exchanged():
    """Words, tokens and metric alike; the prompts stay."""
    (real,) = two_answers(4).sets
    (made,) = shuffled_sets([real], np.random.default_rng(0))
    turned = [was.answer != now.answer for was, now in zip(real.pairs, made.pairs, strict=True)]
    assert sum(turned) == 2
    for was, now, here in zip(real.pairs, made.pairs, turned, strict=True):
        assert (now.answer, now.foil) == ((was.foil, was.answer) if here else (was.answer, was.foil))
    assert torch.equal(made.clean, real.clean)
    assert torch.equal(made.corrupted, real.corrupted)
    engine = Engine(random_model("gpt2", d_vocab=len(word_tokenizer())))
    values = [read_metric(engine, one, LogitDiff(), "clean") for one in (real, made)]
    assert engine.runs(made) is engine.runs(real)  # the same prompts are run once
    sign = torch.tensor([-1.0 if here else 1.0 for here in turned])
    torch.testing.assert_close(values[1], values[0] * sign)


def test_too_few_pairs_have_no_nonsense_task():
    with pytest.raises(UserError, match=r"4 different answers, or 4 word pairs whose .*, but there are 3"):
        shuffled_sets(two_answers(3).sets, np.random.default_rng(0))
