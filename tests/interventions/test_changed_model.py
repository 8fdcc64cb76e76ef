"""A model that is changed after its engine was made is measured as it is, or refused."""

from __future__ import annotations

import pytest
import torch

from interp.errors import UserError
from interp.interventions import Edit, Engine, Variant
from interp.interventions.watch import state_of
from interp.metrics import LogitDiff
from interp.models.sparse_attention import install_gate
from tests.interventions.models import random_model, random_prompts
from tests.interventions.naive import naive_logit_diff

VARIANTS = [
    Variant.of(Edit("edge", 1, 1, "query", "key")),
    Variant.of(Edit("mlp_out", 0, query=4, source="corrupted")),
    Variant.of(Edit("z", 1, 2, 5, source="mean"), base="corrupted"),
]


def zero_head(model):
    model.blocks[0].attn.W_O.data[2] = 0.0  # moves no version counter


def scale_in_place(model):
    with torch.no_grad():
        model.blocks[1].mlp.W_in.mul_(1.5)


def swap_heads(model):
    held = model.blocks[1].attn._W_V.data
    held[[0, 1]] = held[[1, 0]].clone()


def new_parameter(model):
    model.W = model.blocks[0].mlp.W_out = torch.nn.Parameter(torch.randn(32, 24), requires_grad=False)


def other_embedding(model):
    model.embed.W_E.data[5:] *= 0.5


def load(model):
    model.load_state_dict(random_model("llama", seed=7).state_dict())


def wide_norm(model):
    model.blocks[0].ln1.eps = model.blocks[0].ln2.eps = 0.5


def gate(model):
    install_gate(model, 0.3)


def hook_everywhere(model):
    model.add_hook("blocks.0.attn.hook_z", lambda act, hook: act * 0.5, is_permanent=True)


def hook_one_position(model):
    def third(act, hook):
        act = act.clone()
        act[:, 3] = 0.25
        return act

    model.add_hook("blocks.1.hook_mlp_out", third, is_permanent=True)


def plain_hook(model):
    model.blocks[0].mlp.register_forward_hook(lambda module, given, out: out * 2)


def strange_forward(model):
    old = model.blocks[1].mlp.forward
    model.blocks[1].mlp.forward = lambda x: old(x) + 0.5


def hook_on_the_stream(model):
    model.add_hook("blocks.1.hook_resid_pre", lambda act, hook: act * 1.5, is_permanent=True)


def hook_before_a_block(model):
    model.blocks[1].register_forward_pre_hook(lambda module, given: (given[0] * 1.5, *given[1:]))


def hook_in_place(model):
    model.add_hook("blocks.1.hook_resid_pre", lambda act, hook: act.mul_(1.5), is_permanent=True)


def other_class(model):
    class Louder(type(model.blocks[1].mlp)):
        def forward(self, x):
            return super().forward(x) * 1.5

    model.blocks[1].mlp.__class__ = Louder


CHANGES = [
    *(hook_on_the_stream, hook_before_a_block, hook_in_place, other_class),
    *(zero_head, scale_in_place, swap_heads, new_parameter, other_embedding, load, wide_norm, gate),
    *(hook_everywhere, hook_one_position, plain_hook, strange_forward),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
def test_what_is_changed_between_two_measurements_is_seen(change):
    model, prompts = random_model("llama"), random_prompts()
    engine = Engine(model)
    before = engine.measure(VARIANTS, prompts, LogitDiff())
    change(model)
    after = engine.measure(VARIANTS, prompts, LogitDiff())
    assert (after - before).abs().max() > 1e-3
    for variant, row in zip(VARIANTS, after, strict=True):
        expected = naive_logit_diff(model, variant, prompts, engine.resampled(prompts))
        torch.testing.assert_close(row, expected, atol=2e-5, rtol=1e-4)
    expected = naive_logit_diff(model, Variant(()), prompts, engine.resampled(prompts))
    torch.testing.assert_close(engine.read(prompts, LogitDiff(), "clean"), expected, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("change", [zero_head, hook_everywhere, other_embedding], ids=lambda one: one.__name__)
def test_a_bare_reading_sees_it_too(change):
    model, prompts = random_model("llama"), random_prompts()
    engine = Engine(model)
    before = engine.read(prompts, LogitDiff(), "corrupted")
    change(model)
    after = engine.read(prompts, LogitDiff(), "corrupted")
    assert (after - before).abs().max() > 1e-3
    expected = naive_logit_diff(model, Variant((), base="corrupted"), prompts, engine.resampled(prompts))
    torch.testing.assert_close(after, expected, atol=2e-5, rtol=1e-4)


def test_a_hook_that_is_taken_off_again_leaves_the_fast_blocks():
    model, prompts = random_model("gpt2"), random_prompts()
    engine = Engine(model)
    before = engine.measure(VARIANTS, prompts, LogitDiff())
    hook_everywhere(model)
    engine.measure(VARIANTS, prompts, LogitDiff())
    assert "a hook on attn.hook_z of block 0" in engine.reason_against_blocks
    model.reset_hooks(including_permanent=True)
    torch.testing.assert_close(engine.measure(VARIANTS, prompts, LogitDiff()), before, atol=0, rtol=0)
    assert engine.reason_against_blocks is None


def test_keys_and_values_of_every_query_head_are_refused():
    model, prompts = random_model("llama"), random_prompts()
    engine = Engine(model)
    before = engine.measure(VARIANTS, prompts, LogitDiff())
    model.set_ungroup_grouped_query_attention(True)
    with pytest.raises(UserError, match=r"call model.set_ungroup_grouped_query_attention\(False\)"):
        engine.measure(VARIANTS, prompts, LogitDiff())
    model.set_ungroup_grouped_query_attention(False)
    torch.testing.assert_close(engine.measure(VARIANTS, prompts, LogitDiff()), before, atol=0, rtol=0)


def test_an_unchanged_model_keeps_its_runs():
    model, prompts = random_model("llama"), random_prompts()
    engine = Engine(model)
    engine.measure(VARIANTS, prompts, LogitDiff())
    kept = engine.runs(prompts)
    model(prompts.clean)
    with model.hooks(fwd_hooks=[("blocks.0.hook_resid_pre", lambda act, hook: None)]):
        pass
    engine.measure(VARIANTS, prompts, LogitDiff())
    assert engine.runs(prompts) is kept
    assert state_of(model).same(state_of(model))


@pytest.mark.parametrize("name", ["ln_final.hook_normalized", "unembed"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_hook_that_would_be_passed_over_is_refused(name, when):
    model, prompts = random_model("gpt2"), random_prompts()
    engine = Engine(model) if when == "after" else None
    dict(model.named_modules())[name].register_forward_hook(lambda module, given, out: out * 2)
    with pytest.raises(UserError, match=f"a hook on {name}, where the engine reads"):
        (engine or Engine(model)).measure(VARIANTS, prompts, LogitDiff())


@pytest.mark.parametrize(
    ("name", "word", "says"),
    [
        ("source", "claen", "there is no source 'claen'; did you mean 'clean'"),
        ("site", "mlp", "there is no site 'mlp'"),
        ("reference", "corupted", "there is no reference 'corupted'; did you mean 'corrupted'"),
        ("source", None, "there is no source None"),
    ],
)
def test_a_misspelt_word_of_an_edit_is_refused(name, word, says):
    with pytest.raises(ValueError, match=says):
        made_with(Edit("z", 0, source="clean"), name, word)


def test_a_misspelt_base_is_refused():
    with pytest.raises(ValueError, match="there is no base run 'claen'"):
        made_with(Variant.of(Edit("z", 0), base="corrupted"), "base", "claen")


def made_with(valid, name, word):
    """What is checked when such an object is made; while tests run, beartype would say no before."""
    valid.__post_init__()
    object.__setattr__(valid, name, word)
    valid.__post_init__()
