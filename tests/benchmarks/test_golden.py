"""Published numbers beside a model's own: on random GPT-2 weights, by the road that GPT-2 small takes."""

from __future__ import annotations

import pytest

import interp
from benchmarks.golden import MEASURES, agreement, compared, ioi_direct, main, published
from tests.prompts.builtin.tokenizers import of_words
from tests.tiny_models import write_random


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    sizes = {"n_layer": 12, "n_head": 12, "n_embd": 48, "n_positions": 64, "vocab_size": len(of_words())}
    return write_random(tmp_path_factory.mktemp("models") / "gpt2", GPT2LMHeadModel(GPT2Config(**sizes)), of_words())


@pytest.fixture(scope="module")
def model(folder):
    return interp.load(folder)


def test_every_published_number_has_a_measure_and_a_value(model):
    table = compared(model, 3)
    assert len(table) == len(published()) == 24
    assert {one.what for one in published()} == set(MEASURES)
    assert table["measured"].notna().all()
    heads = table[table["what"] == "ioi direct"]["rank"]
    assert heads.between(1, 144).all()


def test_direct_effects_of_the_last_layer_are_total_effects_but_for_its_mlp(model):
    """What is frozen is what reads the head: with its MLP frozen by hand, patching a head of the last layer is the same."""
    study = interp.study(model, task={"kind": "ioi", "corruption": "all_names", "max_pairs": 3}, keep="all", min_gap=0)
    direct = ioi_direct(model, 3)
    total = study.measure([interp.Variant((interp.Edit("z", 11, 5, query="query", source="corrupted"),))])
    frozen = study.measure(
        [
            interp.Variant(
                (
                    interp.Edit("z", 11, 5, query="query", source="corrupted"),
                    interp.Edit("mlp_out", 11, query="query", source="clean"),
                )
            )
        ]
    )
    clean = study.prompts["clean_metric"].mean()
    assert direct["L11-H5"] == pytest.approx(frozen["effect"].mean() / clean, rel=1e-4)
    assert direct["L11-H5"] != pytest.approx(total["effect"].mean() / clean, rel=1e-3)


def test_agreement_counts_signs_and_leaves_out_what_the_model_has_not():
    import pandas as pd

    table = pd.DataFrame({"published": [1.0, -1.0, 2.0, 3.0], "measured": [0.5, 0.2, 1.0, None]})
    assert agreement(table) == "2 of 3 signs, Spearman's correlation 1.00"


@pytest.mark.parametrize(
    ("model", "code", "words"), [("gpt2-xl", 0, "skipped: the weights of gpt2-xl"), ("./here", 2, "error: ")]
)
def test_weights_that_are_not_at_hand_are_told_in_a_sentence(model, code, words, monkeypatch, capsys):
    """A name of the hub that cannot be fetched is no fault; a folder that is not there is one."""
    monkeypatch.setattr("interp.models.hub.cached", lambda *_: None)
    monkeypatch.setattr("interp.models.hub._failure", lambda _: "no network")
    ended = 0
    try:
        main(["--model", model])
    except SystemExit as end:
        ended = end.code
    said = capsys.readouterr()
    assert ended == code
    assert (said.out + said.err).count(words) == 1
