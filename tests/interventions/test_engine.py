"""The engine against whole forward passes, one hook an edit."""

from __future__ import annotations

import itertools

import pytest
import torch

from interp.errors import UserError
from interp.interventions import Edit, Engine, Variant
from interp.metrics import AnswerLogit, AnswerProbability, DivergenceFromClean, LogitDiff
from tests.interventions.models import random_model, random_prompts
from tests.interventions.naive import naive_logit_diff

SITES = {
    "resid_pre": {"query": 3},
    "resid_mid": {"query": "key"},
    "attn_out": {"query": "query"},
    "mlp_out": {"query": "wide"},
    "z": {"head": 2, "query": None},
    "q": {"head": 3, "query": 5},
    "k": {"head": 1, "key": 3},
    "v": {"head": 0, "key": "key"},
    "pattern": {"head": 1, "query": "query", "key": 2},
    "edge": {"head": 3, "query": "query", "key": "key"},
}
SOURCES = ("zero", "mean", "resample", "clean", "corrupted")


@pytest.fixture(params=["gpt2", "llama", "odd"])
def model(request):
    return random_model(request.param)


@pytest.mark.parametrize("bos", [0, 1])
@pytest.mark.parametrize("base", ["clean", "corrupted"])
def test_every_site_and_source_equals_whole_forward_passes(model, base, bos):
    prompts = random_prompts(bos=bos)
    engine = Engine(model)
    variants = [
        Variant.of(Edit(site, layer, source=source, **place), base=base)
        for (site, place), source, layer in itertools.product(SITES.items(), SOURCES, (0, 1, 2))
    ]
    measured = engine.measure(variants, prompts, LogitDiff())
    partner = engine.resampled(prompts)
    for variant, row in zip(variants, measured, strict=True):
        expected = naive_logit_diff(model, variant, prompts, partner)
        torch.testing.assert_close(row, expected, atol=2e-5, rtol=1e-4, msg=lambda m, v=variant: f"{v}\n{m}")


def test_edits_of_several_layers_and_positions_in_one_variant(model):
    prompts = random_prompts()
    engine = Engine(model)
    together = Variant(
        (
            Edit("edge", 0, 1, "query", 2),
            Edit("edge", 0, 1, "query", 3),  # the same head and query twice: the terms add up
            Edit("pattern", 0, 1, 6, 3, source="corrupted"),
            Edit("edge", 1, 0, 6, 4, source="corrupted"),
            Edit("v", 1, 1, key=2, source="mean"),
            Edit("mlp_out", 1, query=4, source="corrupted"),
            Edit("edge", 2, None, "query", "key"),
        )
    )
    nothing = Variant(())
    measured = engine.measure([together, nothing], prompts, LogitDiff())
    torch.testing.assert_close(
        measured[0], naive_logit_diff(model, together, prompts, engine.resampled(prompts)), atol=2e-5, rtol=1e-4
    )
    torch.testing.assert_close(measured[1], engine.read(prompts, LogitDiff(), "clean"))


def test_batch_size_and_rows_do_not_change_the_numbers(model):
    prompts = random_prompts(n_prompts=5)
    variants = [Variant.of(Edit("edge", 1, head, "query", key)) for head in range(4) for key in range(1, 8)]
    whole = Engine(model).measure(variants, prompts, LogitDiff())
    tiny = Engine(model, memory_gb=1e-9).measure(variants, prompts, LogitDiff())
    some = Engine(model).measure(variants, prompts, LogitDiff(), rows=[3, 1])
    torch.testing.assert_close(tiny, whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(some, whole[:, [3, 1]], atol=1e-5, rtol=1e-5)


def test_mean_of_one_focus_prompt_still_uses_the_whole_template(model):
    prompts = random_prompts(n_prompts=4)
    variant = Variant.of(Edit("z", 1, 0, None, source="mean"))
    alone = Engine(model).measure([variant], prompts, LogitDiff(), rows=[2])
    assert (alone[0, 0] - Engine(model).read(prompts, LogitDiff(), "clean")[2]).abs() > 1e-3


@pytest.mark.parametrize("metric", [AnswerLogit(), AnswerProbability(), DivergenceFromClean()])
def test_the_other_metrics_are_read_from_the_same_logits(model, metric):
    prompts = random_prompts()
    logits = model(prompts.corrupted)[:, prompts.query_index]
    clean = model(prompts.clean)[:, prompts.query_index].log_softmax(-1)
    rows = torch.arange(len(prompts))
    expected = {
        "answer_logit": logits[rows, prompts.answer],
        "answer_prob": logits.softmax(-1)[rows, prompts.answer],
        "kl_from_clean": (clean.exp() * (clean - logits.log_softmax(-1))).sum(-1),
    }[metric.kind]
    torch.testing.assert_close(Engine(model).read(prompts, metric, "corrupted"), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (Edit("z", 3, 0, 1), "layer 3 is out of range; the model has layers 0 to 2"),
        (Edit("z", 0, 4, 1), "head 4 is out of range"),
        (Edit("edge", 0, 0, 2, 5), "key 5 comes after query 2"),
        (Edit("mlp_out", 0, query=9), "position 9 is outside the prompt"),
        (Edit("mlp_out", 0, query="nobody"), "there is no role 'nobody'"),
    ],
)
def test_places_that_do_not_exist_are_refused(model, edit, says):
    with pytest.raises(UserError, match=says):
        Engine(model).measure([Variant.of(edit)], random_prompts(), LogitDiff())


def test_key_value_sites_count_key_value_heads():
    with pytest.raises(UserError, match="key-value heads 0 to 1"):
        Engine(random_model("llama")).measure([Variant.of(Edit("v", 0, 2, key=1))], random_prompts(), LogitDiff())


def test_mean_over_a_single_prompt_is_refused_because_it_would_do_nothing(model):
    with pytest.raises(UserError, match="at least two prompts"):
        Engine(model).measure([Variant.of(Edit("z", 0, 0, 7, source="mean"))], random_prompts(n_prompts=1), LogitDiff())


def test_no_hook_is_left_behind(model):
    prompts = random_prompts()
    before = model(prompts.clean)
    Engine(model).measure([Variant.of(Edit("edge", 1, 1, "query", "key"))], prompts, LogitDiff())
    assert not any(point.fwd_hooks for point in model.hook_dict.values())
    torch.testing.assert_close(model(prompts.clean), before, atol=0, rtol=0)


def test_resampling_never_takes_the_prompt_itself(model):
    prompts = random_prompts(n_prompts=7)
    assert (Engine(model, seed=5).resampled(prompts) != torch.arange(7)).all()
