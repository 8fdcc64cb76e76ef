"""Every cell equal to TransformerLens' own patching functions, on a random tiny GPT-2."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from transformer_lens import patching

from interp.interventions import Edit, Engine, Variant
from interp.metrics import LogitDiff
from tests.interventions.models import random_model, random_prompts

PROMPTS = random_prompts(n_prompts=3, n_tokens=6)
LAYERS, HEADS, TOKENS = 3, 4, 6


@pytest.fixture(scope="module")
def model():
    return random_model("gpt2")


def mean_logit_diff(logits):
    rows = torch.arange(len(PROMPTS))
    last = logits[:, PROMPTS.query_index]
    return (last[rows, PROMPTS.answer] - last[rows, PROMPTS.foil]).mean()


def ours(model, make, *shape):
    """Mean metric over prompts of denoising variants; `make(*indices)` gives the edit of one cell."""
    cells = list(torch.cartesian_prod(*(torch.arange(size) for size in shape)).tolist())
    variants = [Variant.of(make(*cell), base="corrupted") for cell in cells]
    return Engine(model).measure(variants, PROMPTS, LogitDiff()).mean(-1).view(*shape)


def theirs(model, function):
    cache = model.run_with_cache(PROMPTS.clean)[1]
    return function(model, PROMPTS.corrupted, cache, mean_logit_diff)


RESIDUAL = {
    "resid_pre": patching.get_act_patch_resid_pre,
    "attn_out": patching.get_act_patch_attn_out,
    "mlp_out": patching.get_act_patch_mlp_out,
}
HEAD = {
    "z": patching.get_act_patch_attn_head_out_all_pos,
    "q": patching.get_act_patch_attn_head_q_all_pos,
    "k": patching.get_act_patch_attn_head_k_all_pos,
    "v": patching.get_act_patch_attn_head_v_all_pos,
    "pattern": patching.get_act_patch_attn_head_pattern_all_pos,
}
close = partial(torch.testing.assert_close, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("site", RESIDUAL)
def test_residual_sites_by_layer_and_position(model, site):
    close(
        ours(model, lambda layer, place: Edit(site, layer, query=place + 1, source="clean"), LAYERS, TOKENS),
        theirs(model, RESIDUAL[site]),
    )


@pytest.mark.parametrize("site", HEAD)
def test_head_sites_at_all_positions(model, site):
    close(
        ours(model, lambda layer, head: Edit(site, layer, head, source="clean"), LAYERS, HEADS),
        theirs(model, HEAD[site]),
    )


def test_head_outputs_by_position(model):
    close(
        ours(
            model,
            lambda layer, place, head: Edit("z", layer, head, query=place + 1, source="clean"),
            *(LAYERS, TOKENS, HEADS),
        ),
        theirs(model, patching.get_act_patch_attn_head_out_by_pos),
    )


def test_pattern_entries_by_query_and_key(model):
    found = theirs(model, patching.get_act_patch_attn_head_pattern_dest_src_pos)
    causal = [(query, key) for query in range(TOKENS) for key in range(query + 1)]
    variants = [
        Variant.of(Edit("pattern", layer, head, query + 1, key + 1, source="clean"), base="corrupted")
        for layer in range(LAYERS)
        for head in range(HEADS)
        for query, key in causal
    ]
    measured = Engine(model).measure(variants, PROMPTS, LogitDiff()).mean(-1).view(LAYERS, HEADS, -1)
    queries, keys = torch.tensor(causal).T
    close(measured, found[:, :, queries, keys])
    # Their grid has the causally impossible cells too, which change nothing; ours never runs them.
    impossible = torch.triu(torch.ones(TOKENS, TOKENS, dtype=torch.bool), 1)
    close(found[:, :, impossible], mean_logit_diff(model(PROMPTS.corrupted)).expand_as(found[:, :, impossible]))
