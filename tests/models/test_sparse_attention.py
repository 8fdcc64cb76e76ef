"""The gate: on Hugging Face models (for training) and on HookedTransformers (for analysis), one against the other."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from interp.errors import UserError
from interp.interventions import Edit, Engine, Variant
from interp.metrics import LogitDiff
from interp.models import DirectoryModel, load_model
from interp.models.config import Processing, SparseModel
from interp.models.sparse_attention import gate_facts, install_gate
from tests.interventions.models import random_prompts
from tests.models.gated import WRITERS, hf, hooked, plain, tokens
from tests.tiny_models import write_tiny_gpt2


@pytest.fixture(scope="module", params=WRITERS)
def folder(request, tmp_path_factory):
    return WRITERS[request.param](tmp_path_factory.mktemp("model") / request.param)


@pytest.mark.parametrize(("kind", "bias"), [("score", -1.5), ("score", 0.0), ("score", 0.7), ("weight", 2.0)])
@pytest.mark.parametrize("on", [True, False])
def test_both_gates_agree_on_logits_and_on_every_edge(folder, kind, bias, on):
    model, gate = hf(folder, bias, kind)
    ours = hooked(folder, bias, kind, fold_ln=on, center_writing_weights=on, center_unembed=on)
    with torch.no_grad(), gate.running("infer", keep_masks=True):
        theirs = model(tokens()).logits
    with torch.no_grad():
        logits, cache = ours.run_with_cache(tokens())
    assert 0 < gate.measured < 1
    for layer, mask in gate.masks.items():
        assert torch.equal(cache[f"blocks.{layer}.attn.hook_gate"].bool(), mask)
        assert torch.equal(cache[f"blocks.{layer}.attn.hook_pattern"] > 0, mask)
    scale = plain(theirs).abs().max()
    assert float((plain(logits) - plain(theirs)).abs().max() / scale) < 1e-5


def test_a_gate_that_is_always_open_is_the_dense_model(folder):
    dense = load_model(DirectoryModel(path=str(folder), processing=Processing(fold_value_biases=False))).hooked
    model, gate = hf(folder, math.inf)
    with torch.no_grad():
        assert torch.equal(hooked(folder, 1e6)(tokens()), dense(tokens()))
        expected = model(tokens()).logits
        with gate.running("infer"):
            assert torch.equal(model(tokens()).logits, expected)
        assert gate.measured == 1.0


def test_shut_rows_give_exact_zeros(folder):
    ours = hooked(folder, -1e6)
    model, gate = hf(folder, -1e6)
    with torch.no_grad():
        logits, cache = ours.run_with_cache(tokens())
        with gate.running("infer"):
            theirs = model(tokens()).logits
    assert torch.isfinite(logits).all()
    assert torch.isfinite(theirs).all()
    for layer in range(ours.cfg.n_layers):
        assert not cache[f"blocks.{layer}.attn.hook_z"].any()
    assert gate.measured == 0.0


def test_rows_are_not_renormalised_and_the_softmax_runs_over_shut_positions(folder):
    dense = load_model(DirectoryModel(path=str(folder), processing=Processing(fold_value_biases=False))).hooked
    ours = hooked(folder, 0.0)
    with torch.no_grad():
        full = dense.run_with_cache(tokens())[1]["blocks.0.attn.hook_pattern"]
        cache = ours.run_with_cache(tokens())[1]
    gated, scores = cache["blocks.0.attn.hook_pattern"], cache["blocks.0.attn.hook_attn_scores"]
    torch.testing.assert_close(gated, torch.where(scores > 0, full, 0.0))
    assert (gated.sum(-1) < 0.99).any()


def test_the_mask_can_be_read_and_edited(folder):
    ours = hooked(folder, 0.0)
    name = "blocks.1.attn.hook_gate"
    assert name in ours.hook_dict

    def shut_everything(mask, hook):
        return torch.zeros_like(mask)

    with torch.no_grad(), ours.hooks(fwd_hooks=[(name, shut_everything)]):
        cache = ours.run_with_cache(tokens())[1]
    assert not cache["blocks.1.attn.hook_z"].any()
    assert cache["blocks.0.attn.hook_z"].any()
    ours.reset_hooks()  # the gate is part of the model
    with torch.no_grad():
        cache = ours.run_with_cache(tokens())[1]
    assert (cache["blocks.0.attn.hook_pattern"].sum(-1) < 0.99).any()
    with pytest.raises(ValueError, match="gate already"):
        install_gate(ours, 0.0)


def test_counts_are_shares_of_the_causal_edges(folder):
    model, gate = hf(folder, 0.0)
    with torch.no_grad(), gate.running("infer", keep_masks=True):
        model(tokens())
    causal = 3 * 11 * 12 / 2
    assert gate.causal_edges == causal
    assert gate.measured == pytest.approx(
        sum(float(mask.sum()) for mask in gate.masks.values()) / (len(gate.masks) * 4 * causal)
    )


def test_gates_are_computed_in_float64(folder):
    """A logit that float32 rounds to 0 or below opens its edge all the same; and one that near to 0 is counted."""
    ours = load_model(DirectoryModel(path=str(folder))).hooked
    rotary = ours.cfg.positional_embedding_type == "rotary"
    names = [f"blocks.0.attn.hook_{'rot_' if rotary else ''}{part}" for part in "qk"]
    with torch.no_grad():
        cache = ours.run_with_cache(tokens())[1]
        q, k = (cache[name].double() for name in names)
    k = k.repeat_interleave(q.shape[2] // k.shape[2], dim=2)
    exact = torch.einsum("bqhd,bkhd->bhqk", q, k) / ours.cfg.d_head**0.5
    rounded = cache["blocks.0.attn.hook_attn_scores"].double()
    causal = torch.ones(11, 11).tril().bool()
    gap = (exact - rounded).masked_fill(~causal, 0.0)
    batch, head, query, key = (int(one) for one in torch.unravel_index(gap.argmax(), gap.shape))
    assert gap.max() > 0
    between = float(rounded[batch, head, query, key] + gap.max() / 2)
    biases = torch.zeros(3, 4, dtype=torch.float64)
    biases[0, head] = -between
    install_gate(ours, 0.0, "score", biases)
    with torch.no_grad():
        opened = ours.run_with_cache(tokens())[1]["blocks.0.attn.hook_gate"]
    assert opened[batch, head, query, key] == 1
    facts = gate_facts(ours, tokens())
    assert facts["within_1e-6_of_0"] >= 1
    assert facts["edges"] == 3 * 66 * 12
    sets = [random_prompts(n_prompts=2)]
    assert Engine(ours).gates(sets)["edges"] == 2 * 2 * 28 * 12
    assert Engine(load_model(DirectoryModel(path=str(folder))).hooked).gates(sets) == {}
    assert facts["queries"] == 33 * 12


@pytest.mark.parametrize("kind", ["score", "weight"])
def test_a_twin_with_all_gates_open_equals_the_dense_model_edge_by_edge(tmp_path, kind):
    """With value biases that are not 0: moved into the output bias they would be no part of an edge."""
    made = write_tiny_gpt2(tmp_path / "gpt2")
    state = load_file(made / "model.safetensors")
    for name in state:
        if name.endswith("c_attn.bias"):
            state[name] += torch.randn(state[name].shape, generator=torch.Generator().manual_seed(1))
    save_file(state, made / "model.safetensors", metadata={"format": "pt"})
    prompts = random_prompts(n_prompts=3)
    everything = [
        Variant.of(Edit("edge", layer, head, query, key))
        for layer in range(3)
        for head in range(4)
        for query in range(1, 8)
        for key in range(1, query + 1)
    ]
    dense = load_model(DirectoryModel(path=str(made))).hooked
    assert float(dense.b_V.abs().max()) > 0.5
    twin = load_model(DirectoryModel(path=str(made), sparse=SparseModel(gate=kind, bias=1e6))).hooked
    for by_hooks in (False, True):
        effects = [Engine(one, by_hooks=by_hooks).measure(everything, prompts, LogitDiff()) for one in (dense, twin)]
        assert float(effects[0].std()) > 1e-3
        torch.testing.assert_close(effects[1], effects[0], atol=1e-5, rtol=1e-5)
    folded = load_model(DirectoryModel(path=str(made), processing=Processing(fold_value_biases=True))).hooked
    Engine(folded).measure([Variant.of(Edit("z", 0, 0))], prompts, LogitDiff())
    with pytest.raises(UserError, match="fold_value_biases: .* set it to false where edges are cut"):
        Engine(folded).measure(everything[:1], prompts, LogitDiff())


def test_a_checkpoints_gate_is_not_overruled(folder):
    with pytest.raises(ValidationError, match="'score' or 'weight'"):
        SparseModel(gate="softmax")
    assert load_model(DirectoryModel(path=str(folder), sparse=SparseModel(gate="weight"))).info.sparse.bias == 4.0
