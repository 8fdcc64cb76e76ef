"""Candidates before any filter: right or wrong, and how probable the answer is, held against the model run plainly."""

from __future__ import annotations

import pytest
import torch

from interp.prompts.encode import encode
from interp.prompts.encoder import Encoder
from interp.prompts.judged import judge
from interp.prompts.pairs import PromptPair
from interp.prompts.roles import RoleSpec
from tests.tiny_models import FIGURE, word_tokenizer

SIZE = len(word_tokenizer())
ROLES = {"key": RoleSpec(position=5), "query": RoleSpec(position="end")}


@pytest.fixture(scope="module")
def encoder():
    return Encoder(word_tokenizer(), prepend_bos=False, several=True)


def candidates(encoder, *pairs):
    made = [
        PromptPair(clean=clean, corrupted="", answer=answer, foil="", pair=f"p{number}", template=template, id=number)
        for number, (clean, answer, template) in enumerate(pairs)
    ]
    return encode(made, encoder, ROLES, strict=True)[0]


def table(logits):
    """A model that is a table: logits by the last token and the length of the prompt."""

    def ask(tokens, query, wanted):
        found = torch.stack([logits[int(row[query])] for row in tokens]).log_softmax(-1)
        return found.argmax(-1), found.gather(-1, wanted[:, None])[:, 0]

    return ask


def test_log_probabilities_of_several_tokens_are_summed_and_every_token_must_be_first(encoder):
    torch.manual_seed(0)
    logits = torch.randn(SIZE, SIZE)
    quote, small, cold = (encoder.ids(text)[-1] for text in (' "', "small", "cold"))
    logits[quote, small] = 9.0  # after the prompt `small` is first, after `small` it is not `cold`
    asked = candidates(encoder, (FIGURE, "small", "a"), (FIGURE, "small cold", "a"), (FIGURE, "cold", "b"))
    one, two, three = judge(asked, table(logits), encoder)
    logs = logits.log_softmax(-1)
    tokens = asked[1].answers[0]
    assert (one.right, one.said) == (True, None)
    assert one.log_prob == pytest.approx(float(logs[quote, small]), abs=1e-5)
    wanted = sum(float(logs[before, token]) for before, token in zip((quote, *tokens[:-1]), tokens, strict=True))
    assert two.log_prob == pytest.approx(wanted, abs=1e-5)
    assert (len(tokens) > 1, two.right) == (True, False)
    assert (three.right, three.said) == (False, "small")
    assert three.log_prob == pytest.approx(float(logs[quote, cold]), abs=1e-5)
    assert (one.pair, three.template, three.answer) == ("p0", "b", "cold")
