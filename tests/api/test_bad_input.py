"""Whatever a notebook call is given: a frame, or one sentence of our own; the nearest valid call stands beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import interp
from interp import Edit, UserError, Variant
from tests.interventions.test_changed_model import made_with

WORDS = ("large", "hot", "new")
ANSWERS = ("small", "cold", "old")
CLEAN = [f'The opposite of "{word}" is "' for word in WORDS]
CORRUPTED = [CLEAN[1], CLEAN[2], CLEAN[0]]
FOILS = [*ANSWERS[1:], ANSWERS[0]]
LISTS = {"clean": CLEAN, "corrupted": CORRUPTED, "answer": list(ANSWERS), "foil": FOILS}


@pytest.fixture(scope="module")
def model(tiny_llama):
    return interp.load(tiny_llama)


@pytest.fixture(scope="module")
def asked(model):
    return interp.study(model, **LISTS, min_gap=0)


@pytest.fixture(scope="module")
def effects(asked):
    return asked.ablate("zero")


def one_sentence(call, says):
    with pytest.raises(UserError, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"answer": ["small"]}, "unequal length: clean 3, corrupted 3, answer 1"),
        ({"cluster": ["a"]}, "unequal length: .*cluster 1"),
        ({name: [] for name in LISTS}, "no prompts: clean is an empty list"),
        ({"clean": 5}, "clean must be a list of texts, or of lists of token ids, not 5"),
        ({"clean": set(CLEAN)}, "clean must be a list"),
        ({"clean": dict.fromkeys(CLEAN)}, "clean must be a list"),
        ({"clean": b"abc"}, "clean must be a list"),
        ({"clean": pd.DataFrame({"a": CLEAN})}, "a frame holds corrupted, answer and foil as columns; leave these out"),
        ({"corrupted": pd.DataFrame({"a": CLEAN})}, "corrupted must be a list"),
        ({"clean": [None, *CLEAN[1:]]}, "clean: None is neither text nor token ids"),
        ({"clean": [b"ab", *CLEAN[1:]]}, "is neither text nor token ids"),
        ({"clean": [1.5, *CLEAN[1:]]}, "is neither text nor token ids"),
        ({"answer": [-1, 3, 4]}, "answer: -1 is no token of this model, which has the ids 0 to"),
        ({"answer": [10**30, 3, 4]}, "is no token of this model"),
        ({"answer": ["zzz", "cold", "old"]}, "the answer 'zzz' is unknown to the tokenizer"),
        ({"foil": list(ANSWERS)}, "the foil 'small' is the answer itself"),
        ({"foil": None}, "foil is missing"),
        ({"cluster": "abc"}, "cluster must be a list of names"),
        ({"cluster": [1.5, 2.5, 2.5]}, "cluster: a name is text, a whole number, or None"),
        ({"key": 0}, "the role 'key': position: must be greater than or equal to 1, not 0"),
        ({"key": True}, "the role 'key' must be a position"),
        ({"key": "zebra"}, "role 'key' declares token 'zebra'"),
        (
            {"key": [5, "hot", 5]},
            "the role 'key': give every prompt the text of one token, or every prompt a position, not 5",
        ),
        ({"key": [5.5, 5.5, 5.5]}, "or every prompt a position, not 5.5"),
        ({"key": [True, True, True]}, "or every prompt a position, not True"),
        ({"key": {5, 6, 7}}, "the role 'key' must be a list of tokens or positions"),
        ({"key": [5, 5]}, "unequal length: .*key 2"),
        ({"key": [5, 5, 99]}, "role 'key' is at position 99, but the prompt has only 8 tokens"),
        ({"roles": {5: 3}}, "the name of a role must be text, not 5"),
        ({"roles": [1]}, "roles must be a mapping"),
        ({"metric": "logitdiff"}, "there is no metric 'logitdiff'; did you mean 'logit_diff'"),
        ({"metric": 5}, "a metric is given by its kind, or itself, not as 5"),
        ({"keep": "nope"}, "keep: must be 'all', 'correct' or"),
        ({"min_gap": -1}, "min_gap: must be greater than or equal to 0, not -1"),
        ({"min_gap": float("nan")}, "min_gap: must be a finite number, not nan"),
        ({"seed": 1.5}, "seed: must be a whole number, not 1.5"),
        ({"seed": -1}, "seed: must be greater than or equal to 0, not -1"),
        ({"memory_gb": 0}, "memory_gb: must be greater than 0, not 0"),
    ],
)
def test_prompts(model, change, says):
    one_sentence(lambda: interp.study(model, **{**LISTS, "min_gap": 0, **change}), says)


@pytest.mark.parametrize(
    "change",
    [
        {"clean": tuple(CLEAN)},
        {"clean": pd.Series(CLEAN)},
        {"clean": np.array(CLEAN)},
        {"clean": (text for text in CLEAN)},
        {"key": np.int64(5)},
        {"key": list(WORDS)},
        {"roles": {"word": 5}},
        {"key": [5, 5, 5]},
        {"key": np.array([5, 5, 5])},
        {"key": list(WORDS), "query": [8, 8, 8], "roles": {"of": ["of"] * 3}},
        {"cluster": np.array([1, 2, 2])},
        {"cluster": [None, "a", "a"]},
        {"seed": np.int32(3)},
    ],
)
def test_prompts_in_other_clothes(model, change):
    assert len(interp.study(model, **{**LISTS, "min_gap": 0, **change}).prompts) == 3


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ("antonym", "there is no task 'antonym'; did you mean 'antonyms'"),
        ({}, "a task is given by its kind, or itself, not as None"),
        (["antonyms"], "a task is given by its kind"),
        ({"kind": "antonyms", "max_pairs": -3}, "task 'antonyms': max_pairs: must be greater than or equal to 2"),
        ({"kind": "antonyms", "maxpairs": 3}, "task 'antonyms': maxpairs: unknown key; did you mean 'max_pairs'"),
        ({"kind": "listed"}, "task 'listed': pairs: this key is missing"),
    ],
)
def test_tasks(model, task, says):
    one_sentence(lambda: interp.study(model, task=task), says)


def test_a_task_by_its_settings(model):
    settings = {"kind": "antonyms", "max_pairs": 3, "wordings_per_pair": 1}
    assert len(interp.study(model, task=settings, keep="all", min_gap=0).prompts) == 3


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda one: one.patch("zz"), "site: there is no 'zz'"),
        (lambda one: one.patch(["z"]), r"site: there is no \['z'\]"),
        (lambda one: one.patch("z", prompts="x"), "there is no choice of prompts 'x'"),
        (lambda one: one.patch("mlp_out", by="layer", at=99), "position 99 is outside the prompt, which has 8 tokens"),
        (lambda one: one.cut_edges(key="zebra"), "there is no role 'zebra'"),
        (lambda one: one.cut_edges(key=8, query=2), "attention is causal"),
        (lambda one: one.ablate("zz"), "probe 'head_ablation': source: must be 'zero', 'mean' or 'resample', not 'zz'"),
        (lambda one: one.ablate("zero", nope=3), "probe 'head_ablation': nope: unknown key"),
        (lambda one: one.probe("zz"), "there is no probe 'zz'"),
        (lambda one: one.probe(3), "a probe is given by its kind, or itself, not as 3"),
        (lambda one: one.probe("head_ablation", kind="x"), "kind is 'head_ablation' already"),
        (
            lambda one: one.probe("layer_modulation"),
            "heads_from names 'key_query_heads', which is no probe that stands before it",
        ),
        (lambda one: one.find_heads("a"), "share: target: must be a number, not 'a'"),
        (lambda one: one.find_heads(2), "share: target: must be less than or equal to 1, not 2"),
        (lambda one: one.find_heads(confidence=2), "confidence: must be less than 1, not 2"),
        (lambda one: one.find_heads(n_resamples=10**12), "n_resamples: must be less than or equal to 1000000"),
        (lambda one: one.find_heads(), "needs at least 12 clusters, and there are 3; study.cut_edges"),
        (lambda one: one.measure([]), "asked for nothing"),
        (lambda one: one.measure(Variant.of(Edit("z", 0, 0))), "variants must be a list of interp.Variant, not"),
        (lambda one: one.measure([Edit("z", 0, 0)]), "variants must be a list of interp.Variant, and Edit"),
        (lambda one: one.measure([Variant.of(Edit("z", 99, 0))]), "layer 99 is out of range"),
    ],
)
def test_questions(asked, call, says):
    one_sentence(lambda: call(asked), says)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("layer", 1.0, "layer must be a whole number, not 1.0"),
        ("layer", None, "layer must be a whole number, not None"),
        ("head", True, "head must be a whole number, not True"),
        ("head", "query", "head must be a whole number, not 'query'"),
        ("query", 1.5, "query must be a whole number, or the name of a role, not 1.5"),
        ("query", [1, 2], "query must be a whole number, or the name of a role"),
        ("key", 3, "site z is edited at a query position"),
        ("source", "claen", "there is no source 'claen'; did you mean 'clean'"),
    ],
)
def test_edits(name, value, says):
    one_sentence(lambda: made_with(Edit("z", 0, 0), name, value), says)
    with pytest.raises(ValueError, match=says):
        made_with(Edit("z", 0, 0), name, value)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("base", "x", "there is no base run 'x'"), ("edits", Edit("z", 0, 0), "a variant takes a tuple of Edits")],
)
def test_variants(name, value, says):
    one_sentence(lambda: made_with(Variant.of(Edit("z", 0, 0)), name, value), says)


def test_numbers_of_numpy_and_torch_are_places(asked):
    edit = Edit("z", 0, 0)
    made_with(edit, "layer", np.int64(1))
    made_with(edit, "head", torch.tensor(2))
    made_with(edit, "query", "query")
    assert edit == Edit("z", 1, 2, "query")
    assert {type(place) for place in (edit.layer, edit.head)} == {int}
    assert len(asked.measure([Variant.of(edit)])) == 3


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda frame: interp.heatmap(3), "a heatmap is drawn of a frame of effects"),
        (lambda frame: interp.heatmap(frame, confidence=3), "confidence: must be less than 1, not 3"),
        (lambda frame: interp.heatmap(frame, n_resamples=0), "n_resamples: must be greater than or equal to 100"),
        (lambda frame: interp.heatmap(frame, top_k="a"), "top_k: must be a whole number, not 'a'"),
        (lambda frame: interp.heatmap(frame, top_k=-3), "top_k: must be greater than or equal to 0"),
        (lambda frame: interp.heatmap(frame.assign(effect=float("nan"))), "effect or value is not finite"),
        (lambda frame: interp.read(3), "a run is read from its folder"),
        (lambda frame: interp.read("nowhere"), "nowhere is no run folder: config.resolved.yaml is missing"),
    ],
)
def test_pictures_and_runs(effects, call, says):
    one_sentence(lambda: call(effects), says)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"dtype": "float7"}, "model.dtype: must be 'float32', 'bfloat16' or 'float16', not 'float7'"),
        ({"dtpe": "float32"}, "model.dtpe: unknown key; did you mean 'dtype'"),
        ({"path": "x"}, "which says its path; leave that out"),
        ({"prepend_bos": 3}, "model.prepend_bos: must be true or false"),
        ({"tokenizer": 3}, "a tokenizer can only be given with a HookedTransformer"),
    ],
)
def test_models(tiny_llama, settings, says):
    one_sentence(lambda: interp.load(tiny_llama, **settings), says)


def test_models_of_ones_own(model):
    one_sentence(lambda: interp.load(model.hooked, tokenizer=3), "a tokenizer must be one of Hugging Face's, not a int")
    one_sentence(lambda: interp.load(model.hooked, prepend_bos="yes"), "prepend_bos must be true or false")
    one_sentence(lambda: interp.load(torch.nn.Linear(2, 2)), "not a Linear")
    assert interp.load(model.hooked, tokenizer=model.tokenizer).info.n_layers == 3


def test_a_gated_model_is_at_rest_until_somebody_hooks_it(tiny_llama):
    gated = interp.load(str(tiny_llama), sparse={"bias": 0.5})
    study = interp.study(gated, **LISTS, min_gap=0)
    dense = interp.study(interp.load(str(tiny_llama)), **LISTS, min_gap=0)
    assert (study.prompts["clean_metric"] != dense.prompts["clean_metric"]).any()
    gated.hooked.add_hook("blocks.0.attn.hook_pattern", lambda value, hook: value)
    one_sentence(lambda: interp.study(gated, **LISTS, min_gap=0), r"hooks of its own \(at blocks.0.attn.hook_pattern\)")


def test_a_model_that_is_not_at_rest_is_refused_however_it_came(model):
    def ask():
        return interp.study(model, **LISTS, min_gap=0)

    hooked = model.hooked
    earlier = ask()
    handles = [
        lambda: hooked.blocks[0].attn.register_forward_hook(lambda *_: None),
        lambda: hooked.unembed.register_forward_pre_hook(lambda *_: None),
    ]
    for put in handles:
        handle = put()
        for late in (ask, earlier.cut_edges, earlier.ablate):  # a hook that was put on after the study was made, too
            one_sentence(late, "the model has hooks of its own")
        handle.remove()
    hooked.add_hook("blocks.0.hook_attn_out", lambda value, hook: value * 0)
    one_sentence(ask, r"hooks of its own \(at blocks.0.hook_attn_out\)")
    hooked.reset_hooks()
    hooked.train()
    for late in (ask, earlier.cut_edges, earlier.ablate):
        one_sentence(late, "training mode")
    hooked.eval()
    assert len(earlier.cut_edges())
    assert len(earlier.ablate())
    assert len(ask().prompts) == 3
