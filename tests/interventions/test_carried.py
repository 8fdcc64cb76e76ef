"""Shares of heads in an edge of the residual graph, against roads enumerated one by one with explicit matrices."""

from __future__ import annotations

import itertools

import pytest
import torch

from interp.interventions.carried import Frozen
from interp.interventions.engine import Engine
from interp.metrics import LogitDiff
from interp.models import DirectoryModel, Processing, load_model
from interp.models.lens import has_hooked_transformer
from interp.models.sparse_attention import install_gate
from tests.causal.planted import KEY, MIDDLE, TOKEN, planted_model, planted_prompts
from tests.causal.test_planted import ONE, TWO_HOPS
from tests.interventions.models import random_model, random_prompts
from tests.tiny_families import write_tiny

METRIC = LogitDiff()


def carried(model, prompts, begin=0, at=KEY - 1, to=None, end=None):
    """Something at one token, sent off before block `begin`: the difference between the two runs, where there is one."""
    engine = Engine(model)
    rows = engine.rows(prompts, None)
    runs = engine.runs(prompts)
    message = torch.zeros_like(runs["clean"].site("resid_pre", begin))
    difference = runs["clean"].site("resid_pre", begin) - runs["corrupted"].site("resid_pre", begin)
    message[:, at] = difference[:, at] if difference[:, at].any() else torch.randn(difference.shape[-1])
    to = prompts.query_index if to is None else to
    frozen = Frozen(engine, prompts, METRIC, rows, to, model.cfg.n_layers if end is None else end)
    return frozen, message, frozen.carried({begin: message})


@pytest.mark.parametrize(("plants", "shares"), [(ONE, {(1, 2): 6.0}), (TWO_HOPS, {(0, 1): 2.0, (2, 3): 2.0})])
def test_roads_of_planted_heads(plants, shares):
    # The answer's logit goes up by the gains and the foil's, which was there before, goes down by them.
    _, _, found = carried(planted_model(*plants), planted_prompts())
    assert found.whole[:, 0].tolist() == pytest.approx([sum(shares.values())] * 6, abs=1e-3)
    means = found.heads.mean(0)
    assert {
        (layer, head): pytest.approx(float(means[layer, head]), abs=1e-3)
        for layer, head in itertools.product(range(3), range(4))
        if abs(means[layer, head]) > 1e-3
    } == shares
    single = found.single.sum((1, 2)).tolist()
    assert single == pytest.approx(found.whole[:, 0].tolist() if len(shares) == 1 else [0.0] * 6, abs=1e-3)


def explicit(frozen, model, message, begin, end):
    """Every road by itself: one factor a layer, the stream or one of the heads."""
    cfg = model.cfg
    heads = torch.zeros(len(message), cfg.n_layers, cfg.n_heads)
    whole = torch.zeros(len(message))
    options = [None, *range(cfg.n_heads)]
    for road in itertools.product(options, repeat=end - begin):
        stream = message
        for layer, head in enumerate(road, start=begin):
            if head is not None:
                stream = one_head(frozen, model, stream, layer, head)
        out = (stream[:, frozen._to] * frozen.gradient).sum(-1)
        whole += out
        used = [(layer, head) for layer, head in enumerate(road, start=begin) if head is not None]
        for layer, head in used:
            heads[:, layer, head] += out / len(used)
    return heads, whole


def one_head(frozen, model, stream, layer, head):
    """What a head makes of a difference: normalised by the clean run's scale, valued, moved, written."""
    block = model.blocks[layer]
    centred = stream if "RMS" in type(block.ln1).__name__ else stream - stream.mean(-1, keepdim=True)
    x = centred / frozen._scales[f"blocks.{layer}.ln1.hook_scale"]
    if getattr(block.ln1, "w", None) is not None:
        x = x * block.ln1.w
    value = x @ block.attn.W_V[head]
    z = frozen._patterns[layer][:, head] @ value
    return z @ block.attn.W_O[head]


@pytest.mark.parametrize(("name", "fold"), [("llama", False), ("llama", True), ("gpt2", False), ("gpt_neox", True)])
@pytest.mark.parametrize("span", [(0, 3), (1, 3), (0, 2)])
def test_shares_are_those_of_enumerated_roads(name, fold, span, tmp_path):
    source = DirectoryModel(path=str(write_tiny(tmp_path, name)), device="cpu", processing=Processing(fold_ln=fold))
    model = load_model(source).hooked
    prompts = random_prompts(n_prompts=2, bos=1)
    begin, end = span
    frozen, message, found = carried(model, prompts, begin, at=2, end=end)
    heads, whole = explicit(frozen, model, message, begin, end)
    assert found.whole[:, 0].tolist() == pytest.approx(whole.tolist(), rel=1e-3, abs=1e-4)
    torch.testing.assert_close(found.heads, heads, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["gemma3", "olmo2", "phi", "qwen3"])
def test_parts_and_bypass_sum_to_the_whole(name, tmp_path):
    model = load_model(DirectoryModel(path=str(write_tiny(tmp_path, name)), device="cpu")).hooked
    prompts = random_prompts(n_prompts=2, bos=1)
    last = prompts.query_index - 1  # near enough for any window
    for to in (None, last):
        _, _, found = carried(model, prompts, at=last, to=to, end=2)
        parts = found.heads.sum((1, 2)) + found.bypass[:, 0]
        assert parts.tolist() == pytest.approx(found.whole[:, 0].tolist(), rel=1e-3, abs=1e-4)
        assert bool(found.bypass.abs().max() > 1e-4) == (to == last)
        assert found.heads.abs().max() > 1e-4


def test_messages_sent_together_are_told_apart():
    prompts = planted_prompts()
    frozen, first, alone = carried(planted_model(*TWO_HOPS), prompts)
    second = torch.zeros_like(first)
    second[:, KEY - 1] = 3 * first[:, KEY - 1]  # too late for the first hop
    third = torch.zeros_like(first)
    third[:, 3, MIDDLE] = first[:, KEY - 1, TOKEN]  # already where the second hop begins
    both = frozen.carried({0: first, 1: second, 2: third})
    assert both.whole[:, 0].tolist() == pytest.approx(alone.whole[:, 0].tolist(), abs=1e-4)
    assert both.whole[:, 1].abs().max() < 1e-4
    assert both.whole[:, 2].tolist() == pytest.approx([4.0] * 6, abs=1e-3)
    assert both.heads.sum((1, 2)).tolist() == pytest.approx(both.whole.sum(1).tolist(), abs=1e-3)


@pytest.mark.skipif(not has_hooked_transformer(), reason="TransformerLens 4 has no gate")
def test_shut_edges_carry_nothing():
    prompts = random_prompts(n_prompts=2, bos=1)
    for bias, carries in ((1e6, True), (-1e6, False)):
        model = random_model("llama")
        install_gate(model, bias)
        _, _, found = carried(model, prompts, at=2)
        assert (found.heads.abs().max() > 1e-4) == carries
        assert (found.whole.abs().max() > 1e-4) == carries
