"""The gate: on Hugging Face models (for training) and on HookedTransformers (for analysis), one against the other."""

from __future__ import annotations

import math

import pytest
import torch

from interp.models import DirectoryModel, load_model
from interp.models.config import Processing, SparseModel
from interp.models.directory import read_config, read_model
from interp.models.gated_attention import Gate, attach, straight_through
from interp.models.sparse_attention import install_gate
from tests.tiny_models import write_tiny_gpt2, write_tiny_llama

WRITERS = {"gpt2": write_tiny_gpt2, "llama": write_tiny_llama}


@pytest.fixture(scope="module", params=WRITERS)
def folder(request, tmp_path_factory):
    return WRITERS[request.param](tmp_path_factory.mktemp("model") / request.param)


def tokens(seed=0):
    return torch.randint(2, 100, (3, 11), generator=torch.Generator().manual_seed(seed))


def hf(folder, bias):
    model = read_model(folder, read_config(folder), torch.float32)
    gate = Gate(bias)
    attach(model, gate)
    return model, gate


def hooked(folder, bias, **processing):
    made = load_model(
        DirectoryModel(path=str(folder), sparse=SparseModel(bias=bias), processing=Processing(**processing))
    )
    return made.hooked


def plain(logits):
    return logits - logits.mean(-1, keepdim=True)


@pytest.mark.parametrize("bias", [-1.5, 0.0, 0.7])
@pytest.mark.parametrize("on", [True, False])
def test_both_gates_agree_on_logits_and_on_every_edge(folder, bias, on):
    model, gate = hf(folder, bias)
    ours = hooked(folder, bias, fold_ln=on, center_writing_weights=on, center_unembed=on)
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
        assert torch.equal(hooked(folder, math.inf)(tokens()), dense(tokens()))
        expected = model(tokens()).logits
        with gate.running("infer"):
            assert torch.equal(model(tokens()).logits, expected)
        assert gate.measured == 1.0


def test_shut_rows_give_exact_zeros(folder):
    ours = hooked(folder, -1e9)
    model, gate = hf(folder, -1e9)
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


def test_the_straight_through_gradient_by_hand():
    """d/dx of sum(w * A) is w * sigmoid'(x): with x = (0, ln 3), sigmoid' = (1/4, 3/16)."""
    noisy = torch.tensor([0.0, math.log(3.0)], requires_grad=True)
    opened = noisy.detach() > 0
    passed = straight_through(noisy, opened)
    assert passed.tolist() == [0.0, 1.0]
    (torch.tensor([2.0, 4.0]) * passed).sum().backward()
    torch.testing.assert_close(noisy.grad, torch.tensor([2 * 0.25, 4 * 3 / 16]))


def test_expected_density_and_its_gradient_by_hand(folder):
    model, gate = hf(folder, 0.0)
    with gate.running("train", torch.Generator().manual_seed(0)):
        model(tokens())
        expected = gate.expected
    noises = []
    for seed in range(40):
        with torch.no_grad(), gate.running("train", torch.Generator().manual_seed(seed)):
            model(tokens())
            noises.append(gate.measured)
    # Layer 0 has the same scores under every noise, deeper ones nearly so.
    assert sum(noises) / len(noises) == pytest.approx(float(expected.detach()), abs=0.02)
    expected.backward()
    assert any(bool(one.grad is not None and one.grad.any()) for one in model.parameters())


def test_the_same_noise_gives_the_same_gates(folder):
    model, gate = hf(folder, 0.0)
    masks = []
    for seed in (1, 1, 2):
        with torch.no_grad(), gate.running("train", torch.Generator().manual_seed(seed), keep_masks=True):
            model(tokens())
            masks.append(gate.masks[0])
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
