"""Where biases begin: the effect of shutting an edge against plain runs without it, and the cheapest thresholds by hand."""

from __future__ import annotations

import pytest
import torch

from interp.models.directory import read_config, read_model
from interp.models.gated_attention import Gate, attach, attention_layers, set_head_bias
from interp.sparsify.calibrate import Edges, _cheapest, _edges, calibrated
from interp.sparsify.config import Calibration
from interp.sparsify.evaluate import evaluate
from interp.sparsify.pieces import Rows, cut
from interp.sparsify.teacher import Teacher


def gated(folder):
    model = read_model(folder, read_config(folder), torch.float32)
    gate = Gate(4.0, "weight", power=0.5)
    attach(model, gate)
    return model, gate


def test_the_effect_of_an_edge_is_that_of_shutting_it(tiny_llama):
    """In the last layer, whose output only the norm and the unembedding follow; a hundredth of the edge, so that it is linear."""
    model, gate = gated(tiny_llama)
    model = model.double()
    tokens = torch.randint(2, 90, (2, 6), generator=torch.Generator().manual_seed(0))
    found = _edges(model, gate, Rows(tokens), [0, 1], torch.Generator().manual_seed(3))[2]
    with torch.no_grad(), gate.watching() as watched:
        log_probs = model(tokens).logits.float().log_softmax(-1)
        seen = watched[2]
    shares = log_probs.exp()
    drawn = torch.multinomial(shares.flatten(0, 1), 1, generator=torch.Generator().manual_seed(3)).view(2, 6, 1)

    row, head, query, key = 1, 2, 4, 1
    change = 0.01 * seen.weights[row, head, query, key].double() * seen.value[row, head, key].double()

    def less(module, args):
        out = args[0].clone()
        out[row, query, head * len(change) : (head + 1) * len(change)] -= change
        return (out,)

    handle = attention_layers(model)[2].o_proj.register_forward_pre_hook(less)
    with torch.no_grad():
        without = model(tokens).logits.log_softmax(-1).gather(-1, drawn).sum()
        handle.remove()
        whole = model(tokens).logits.log_softmax(-1).gather(-1, drawn).sum()
    torch.testing.assert_close(
        found.effect[row, head, query, key], (whole - without).float() * 100, rtol=0.03, atol=1e-5
    )


def edges(effect):
    """One row of four queries and three heads; edges of later keys are judged higher."""
    allowed = torch.ones(4, 4).tril().bool()[None, None]
    judged = torch.arange(4.0).expand(1, 3, 4, 4) + 0.1 * torch.arange(3.0)[:, None, None]
    return Edges(judged, effect.expand(1, 3, 4, 4) * allowed, allowed)


def test_the_cheapest_thresholds_by_hand():
    """Head 0 does nothing, head 1 by its last key alone, head 2 by its first key alone."""
    effect = torch.zeros(3, 4, 4)
    effect[1] = torch.eye(4)
    effect[2, :, 0] = 1.0
    made = edges(effect)
    free = _cheapest(made, 0.0, 0.0, first=False)
    assert free[1].tolist() == [0.0] * 3

    def opened(biases, of_first):
        at_first = torch.tensor([1.0, 0, 0, 0])
        logits = made.judged[0] + biases[:, None, None] + of_first[:, None, None] * at_first
        return (logits > 0) & made.allowed[0]

    cheap = opened(*_cheapest(made, 0.0, 0.01, first=False))
    assert not cheap[0].any()
    assert cheap[1].diagonal().all()
    assert cheap[2, :, 0].all()
    dear = opened(*_cheapest(made, 0.0, 1e3, first=False))
    assert not dear.any()


def test_a_bias_for_the_first_key_shuts_it_alone():
    """The first key is judged highest, and shutting it costs nothing; the one next to it is needed."""
    effect = torch.zeros(3, 4, 4)
    effect[:, 1:, 1] = 1.0
    made = edges(effect)
    judged = torch.tensor([2.0, 0.0, -2.0, -2.0]).expand(1, 3, 4, 4)
    made = Edges(judged, made.effect, made.allowed)
    biases, of_first = _cheapest(made, 0.0, 0.01, first=True)
    assert (of_first < -2.0).all()
    assert (2.0 + biases + of_first < 0).all()
    assert (biases > 0).all()


def test_calibrated_gates_cost_less_than_one_threshold_for_all(tiny_llama):
    model, gate = gated(tiny_llama)
    dense = read_model(tiny_llama, read_config(tiny_llama), torch.float32)
    tokens = torch.randint(2, 90, (16, 12), generator=torch.Generator().manual_seed(1))
    rows, wanted = cut(tokens, 4, None, 0), Calibration(price=0.01, rows=16)
    biases, of_first = calibrated(model, gate, True, rows, wanted, seed=0)
    assert all(one.grad is None for one in model.parameters())
    assert torch.equal(biases, calibrated(model, gate, True, rows, wanted, seed=0)[0])
    set_head_bias(model, biases, of_first)
    ours = evaluate(model, gate, Teacher(dense), tokens, batch=16)
    assert 0.05 < ours.density < 0.95
    set_head_bias(model, None)
    low, high = 0.0, 8.0
    for _ in range(8):  # the bias of all heads that leaves as many edges open
        gate.bias = (low + high) / 2
        if evaluate(model, gate, Teacher(dense), tokens, batch=16).density < ours.density:
            low = gate.bias
        else:
            high = gate.bias
    gate.bias = high
    one_for_all = evaluate(model, gate, Teacher(dense), tokens, batch=16)
    assert one_for_all.density == pytest.approx(ours.density, abs=0.02)
    assert ours.kl < one_for_all.kl
