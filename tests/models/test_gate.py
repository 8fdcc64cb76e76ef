"""The gate in training: its gradient, its noise, its expected density, and the biases that are learnt."""

from __future__ import annotations

import math

import pytest
import torch

from interp.models import DirectoryModel, load_model
from interp.models.config import Processing, SparseModel
from interp.models.gated_attention import Gate, set_head_bias
from interp.models.gating import first_keys
from interp.models.sparse_attention import GateRule, install_gate
from interp.models.sparse_checkpoint import SparseCheckpoint
from tests.models.gated import WRITERS, hf, tokens


@pytest.fixture(scope="module", params=WRITERS)
def folder(request, tmp_path_factory):
    return WRITERS[request.param](tmp_path_factory.mktemp("model") / request.param)


def test_a_misspelt_kind_of_gate_is_refused_wherever_one_is_made():
    """Taken for the last `else`, it would be measured as the other kind."""
    zeros = torch.zeros(2)
    for make in (
        lambda kind: Gate(0.0, kind),
        lambda kind: GateRule(kind, zeros, zeros),
        lambda kind: SparseCheckpoint(bias=0.0, base="m", base_weights_sha256="0", gate=kind),
    ):
        make("weight")
        with pytest.raises(ValueError, match="there is no kind of gate 'wieght'; did you mean 'weight'"):
            make("wieght")


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


def test_the_weight_gate_is_a_threshold_on_the_rows_own_weights(folder):
    """log w + 4 > 0 where w > exp(-4), by hand from the dense model's weights in the first layer."""
    dense = load_model(DirectoryModel(path=str(folder))).hooked
    ours = load_model(DirectoryModel(path=str(folder), sparse=SparseModel(gate="weight", bias=2.3))).hooked
    name = "blocks.0.attn.hook_pattern"
    with torch.no_grad():
        full, gated = (model.run_with_cache(tokens())[1][name] for model in (dense, ours))
    expected = torch.where(full > math.exp(-2.3), full, 0.0)
    assert 0 < (expected > 0).sum() < (full > 0).sum()
    torch.testing.assert_close(gated, expected)


@pytest.mark.parametrize("kind", ["score", "weight"])
@pytest.mark.parametrize("first", [False, True])
def test_biases_of_heads_add_to_the_bias_of_all(folder, kind, first):
    biases = torch.linspace(-1.0, 1.5, 12).view(3, 4)
    of_first = torch.linspace(1.0, -3.0, 12).view(3, 4) if first else None
    model, gate = hf(folder, 0.5, kind)
    set_head_bias(model, biases, of_first)
    ours = load_model(DirectoryModel(path=str(folder), processing=Processing(fold_value_biases=False))).hooked
    install_gate(ours, 0.5, kind, biases, of_first)
    with torch.no_grad(), gate.running("infer", keep_masks=True):
        model(tokens())
    with torch.no_grad():
        cache = ours.run_with_cache(tokens())[1]
    for layer, mask in gate.masks.items():
        assert torch.equal(cache[f"blocks.{layer}.attn.hook_gate"].bool(), mask)
    with_biases, masks = gate.measured, gate.masks
    set_head_bias(model, biases if first else None)
    with torch.no_grad(), gate.running("infer", keep_masks=True):
        model(tokens())
    assert gate.measured != with_biases
    if first:  # in layer 0, whose scores nothing has changed, it is the first key's edges alone
        assert torch.equal(gate.masks[0][..., 1:], masks[0][..., 1:])
        assert not torch.equal(gate.masks[0][..., 0], masks[0][..., 0])


def test_the_first_key_is_the_first_of_each_piece():
    """Two pieces of 3 and 2 tokens in a row, and padding in front of another."""
    causal = torch.ones(5, 5).tril().bool()
    pieces = causal & (torch.tensor([0, 0, 0, 3, 3])[:, None] == torch.tensor([0, 0, 0, 3, 3]))
    padded = causal & (torch.arange(5) > 1)
    found = first_keys(torch.stack([causal, pieces, padded]))
    assert found[0].nonzero()[:, 1].tolist() == [0] * 5
    assert found[1].nonzero().tolist() == [[0, 0], [1, 0], [2, 0], [3, 3], [4, 3]]
    assert found[2].nonzero().tolist() == [[2, 2], [3, 2], [4, 2]]


@pytest.mark.parametrize("temperature", [1e-4, 1.0])
def test_noise_of_a_low_temperature_leaves_the_gates_as_they_are(folder, temperature):
    model, gate = hf(folder, 2.0, "weight")
    gate.temperature = temperature
    with torch.no_grad(), gate.running("infer", keep_masks=True):
        model(tokens())
    exact = gate.masks[0]
    with torch.no_grad(), gate.running("train", torch.Generator().manual_seed(0), keep_masks=True):
        model(tokens())
    assert torch.equal(gate.masks[0], exact) == (temperature < 1)
    assert math.isclose(float(gate.expected), gate.measured, rel_tol=1e-2 if temperature < 1 else 0.2)


def test_the_density_term_weighs_queries_by_the_keys_that_they_see(folder):
    """By hand from the logits: all edges alike, open keys a query, and the open share of a row."""
    found = {}
    for power in (None, 0.0, 1.0):
        model, gate = hf(folder, 0.0)
        gate.power = power
        with torch.no_grad(), gate.running("train", torch.Generator().manual_seed(0)):
            model(tokens())
        found[power] = float(gate._expected[0])
    ours = load_model(DirectoryModel(path=str(folder))).hooked
    with torch.no_grad():
        scores = ours.run_with_cache(tokens())[1]["blocks.0.attn.hook_attn_scores"]
    soft = torch.sigmoid(scores).tril()
    keys = torch.arange(1, 12)
    assert found[None] == pytest.approx(float(soft.sum() / (3 * 4 * 66)), rel=1e-5)
    assert found[0.0] == pytest.approx(float(soft.sum(-1).mean()), rel=1e-5)
    assert found[1.0] == pytest.approx(float((soft.sum(-1) / keys).mean()), rel=1e-5)
