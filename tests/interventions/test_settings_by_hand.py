"""Fields of a model that somebody has set: followed exactly, run by the model's own blocks, or refused."""

from __future__ import annotations

import pytest
import torch

from interp.errors import UserError
from interp.interventions import Edit, Engine, Variant
from interp.metrics import LogitDiff
from tests.interventions.models import random_model, random_prompts
from tests.interventions.naive import naive_logit_diff

VARIANTS = [
    Variant.of(Edit("edge", 1, 1, "query", "key")),
    Variant.of(Edit("mlp_out", 0, query=4, source="corrupted")),
    Variant.of(Edit("z", 1, 2, 5, source="mean"), base="corrupted"),
]


def set_cfg(**values):
    return lambda model: [setattr(model.cfg, name, value) for name, value in values.items()]


def set_part(place, **values):
    def change(model):
        part = dict(model.named_modules())[place]
        for name, value in values.items():
            setattr(part, name, value)

    return change


def local(model):
    set_cfg(use_local_attn=True, window_size=6, attn_types=["global", "local", "global"])(model)
    attention = model.blocks[1].attn
    attention.attn_type = "local"
    attention.mask = torch.triu(attention.mask, 1 - 6)


def other_turns(model):
    for block in model.blocks:
        block.attn.rotary_sin.mul_(-1)


MEASURED = {
    "fewer layers": ("gpt2", set_cfg(n_layers=2)),
    "scale": ("gpt2", set_part("blocks.1.attn", attn_scale=1.5)),
    "eps": ("llama", set_part("blocks.2.ln2", eps=0.5)),
    "last eps": ("gpt2", set_part("ln_final", eps=0.5)),
    "soft cap of the output": ("llama", set_cfg(output_logits_soft_cap=0.5)),
    "soft cap of the scores": ("gpt2", set_cfg(attn_scores_soft_cap=0.3)),
    "no last norm": ("gpt2", set_cfg(normalization_type=None)),
    "activation of the config alone": ("llama", set_cfg(act_fn="gelu_new")),
    "activation": ("gpt2", set_part("blocks.1.mlp", act_fn=torch.nn.functional.silu)),
    "rotary tables": ("llama", other_turns),
    "adjacent pairs": ("llama", set_cfg(rotary_adjacent_pairs=True)),
    "width of the config alone": ("odd", set_cfg(d_model=25)),
    "parallel": ("gpt2", set_cfg(parallel_attn_mlp=True)),
    "window": ("gpt2", local),
    "a norm of keys that nothing reads": ("gpt2", set_part("blocks.1.attn", k_norm=True)),
    "nothing": ("llama", lambda model: None),
}


@pytest.mark.parametrize("what", MEASURED)
def test_a_field_set_by_hand_gives_what_the_model_itself_gives(what):
    family, change = MEASURED[what]
    model, prompts = random_model(family), random_prompts()
    earlier = Engine(model)
    earlier.measure(VARIANTS, prompts, LogitDiff())
    change(model)
    engines = (earlier, Engine(model))
    measured = torch.stack([engine.measure(VARIANTS, prompts, LogitDiff()) for engine in engines])
    for variant, rows in zip(VARIANTS, measured.unbind(1), strict=True):
        expected = naive_logit_diff(model, variant, prompts, earlier.resampled(prompts))
        torch.testing.assert_close(rows, expected.expand(2, -1), atol=2e-5, rtol=1e-4)


def test_what_only_the_config_says_is_run_by_the_models_own_blocks_and_told():
    model, prompts = random_model("gpt2"), random_prompts()
    set_cfg(n_layers=2)(model)
    engine = Engine(model)
    engine.measure(VARIANTS, prompts, LogitDiff())
    assert engine.reason_against_blocks.startswith("its logits are up to ")
    model.cfg.n_layers = 3
    engine.measure(VARIANTS, prompts, LogitDiff())
    assert engine.reason_against_blocks is None


@pytest.mark.parametrize(
    ("family", "change", "says"),
    [
        ("llama", set_cfg(attention_dir="bidirectional"), "attention_dir = 'bidirectional'"),
        ("gpt2", set_cfg(positional_embedding_type="shortformer"), "something that was set on it is not understood"),
        ("llama", set_cfg(use_qk_norm=True), "the model itself cannot read its prompts .AssertionError"),
        ("gpt2", set_part("blocks.1.attn", attn_type="local"), "cannot read its prompts .ValueError: Window size must be"),
        ("llama", set_cfg(n_key_value_heads=4), "n_key_value_heads = 4, but the weights of block 0 have 2"),
    ],
)  # fmt: skip
def test_what_no_way_gives_is_refused(family, change, says):
    model, prompts = random_model(family), random_prompts()
    change(model)
    for ask in (
        lambda engine: engine.measure(VARIANTS, prompts, LogitDiff()),
        lambda engine: engine.read(prompts, LogitDiff(), "clean"),
        lambda engine: engine.runs(prompts),
    ):
        with pytest.raises(UserError, match=says):
            ask(Engine(model))


def test_the_hooks_that_look_leave_the_model_as_it_was():
    model, prompts = random_model("llama"), random_prompts()
    before = model(prompts.clean)
    model.requires_grad_(True)
    Engine(model).read(prompts, LogitDiff(), "clean")
    assert not any(part._forward_hooks for part in model.modules())
    torch.testing.assert_close(model(prompts.clean), before, atol=0, rtol=0)
