"""Every metric of a converted model is what the model's own logits, by plain transformers, give."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import interp
from interp.errors import UserError
from interp.measure.metric import read_metric
from interp.metrics import metrics
from interp.runs.circuit.config import validate
from tests.tiny_models import FIGURE, write_tiny_gpt2, write_tiny_llama

CORRUPTED = FIGURE.replace("large", "hot")


@pytest.fixture(scope="module", params=[write_tiny_llama, write_tiny_gpt2])
def folder(request, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp("own") / "m")


def by_hand(logits, clean, answer, foil):
    shares, said = logits.softmax(-1), logits.log_softmax(-1)
    return {
        "logit_diff": logits[answer] - logits[foil],
        "best_logit_diff": logits[answer] - logits[foil],
        "answer_logit": logits[answer],
        "answer_prob": shares[answer],
        "prob_diff": shares[answer] - shares[foil],
        "answer_log_prob": said[answer],
        "log_prob_diff": said[answer] - said[foil],
        "kl_from_clean": (clean.softmax(-1) * (clean.log_softmax(-1) - said)).sum(),
    }


def test_every_metric_is_that_of_the_models_own_logits(folder):
    theirs, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        clean, corrupted = (
            theirs(torch.tensor([tokenizer(text)["input_ids"]])).logits[0, -1] for text in (FIGURE, CORRUPTED)
        )
    answer, foil = tokenizer.convert_tokens_to_ids(["small", "cold"])
    expected = by_hand(corrupted, clean, answer, foil)
    assert abs(corrupted.mean()) > 1e-3  # else a centred unembedding would not be told apart
    asked = interp.study(interp.load(str(folder)), FIGURE, CORRUPTED, "small", "cold", min_gap=0).inner
    for kind in metrics:
        found = read_metric(asked.engine, asked.book.sets[0], metrics[kind](), "corrupted")
        assert found.tolist() == pytest.approx([float(expected[kind])], abs=1e-4), kind


def test_a_raw_logit_is_not_read_off_a_centred_unembedding(folder):
    centred = interp.load(str(folder), processing={"center_unembed": True})
    with pytest.raises(UserError, match="answer_logit reads a raw logit"):
        interp.study(centred, FIGURE, CORRUPTED, "small", "cold", metric="answer_logit")
    interp.study(centred, FIGURE, CORRUPTED, "small", "cold", min_gap=0)


@pytest.mark.parametrize(
    ("metric", "centred", "fits"),
    [("answer_logit", True, False), ("logit_diff", True, True), ("answer_logit", False, True)],
)
def test_a_config_that_asks_for_both_is_refused(metric, centred, fits):
    data = {
        "name": "x",
        "model": {"source": "pypi", "name": "smollm2-135m-instruct", "processing": {"center_unembed": centred}},
        "metric": {"kind": metric},
        "probes": [{"kind": "logit_lens"}],
    }
    if fits:
        validate(data, "x.yaml")
    else:
        with pytest.raises(
            UserError, match="model.processing.center_unembed: the metric answer_logit reads a raw logit"
        ):
            validate(data, "x.yaml")
