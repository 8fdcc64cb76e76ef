"""The gate in training: autograd on the plain formulas gives the same; matrices of a query times a key fill one block."""

from __future__ import annotations

import pytest
import torch

from interp.models import gated_attention, gating_in_training
from interp.models.directory import read_config, read_model
from interp.models.gated_attention import Gate, attach, set_head_bias
from interp.models.gating import Edges, Settings, first_keys
from interp.models.gating_in_training import gated_in_training
from tests.tiny_models import write_tiny_gpt2, write_tiny_llama


def plainly(settings, query, key, value, allowed, biases, first_biases, uniform):
    """The formulas of interp.models.gated_attention, one after the other, for autograd."""
    scores = (query @ key.transpose(-1, -2) * settings.scale).masked_fill(~allowed, -1e30)
    log_weights = scores.log_softmax(-1)
    logits = (scores if settings.kind == "score" else log_weights) + settings.bias
    if biases is not None:
        logits = logits + biases[:, None, None]
    if first_biases is not None:
        logits = logits + first_biases[:, None, None] * first_keys(allowed)
    noisy = logits + settings.temperature * torch.logit(uniform)
    soft = torch.sigmoid(noisy / settings.temperature) * allowed
    opened = (noisy > 0) & allowed
    out = (log_weights.exp() * (opened + soft - soft.detach())) @ value
    probable = torch.sigmoid(logits / settings.temperature) * allowed
    if settings.power is None:
        return out, probable.sum() / allowed.expand_as(probable).sum(), opened
    keys = allowed.sum(-1).clamp(min=1)
    return out, (probable.sum(-1) * keys**-settings.power).mean(), opened


def pieces(length):
    """Two rows: one whole, one cut into two pieces; and a row of padding in front."""
    causal = torch.ones(length, length).tril().bool()
    of = torch.arange(length) // (length // 2)
    masks = [causal, causal & (of[:, None] == of), causal & (torch.arange(length) > 2)]
    return torch.stack(masks)[:, None]


def inputs(kind, first, length=11, dtype=torch.float64):
    rng = torch.Generator().manual_seed(1)
    tensors = [torch.randn(3, 4, length, width, generator=rng, dtype=dtype) for width in (6, 6, 5)]
    biases = torch.linspace(-0.5, 1.0, 4, dtype=dtype)
    tensors += [biases, biases.flip(0) if first else None]
    return [one if one is None else one.requires_grad_() for one in tensors]


def settings_of(kind, power=0.5):
    return Settings(kind, 2.0 if kind == "weight" else 0.1, power, 0.4, 0.6, noise=5)


@pytest.mark.parametrize("kind", ["score", "weight"])
@pytest.mark.parametrize("power", [None, 0.5])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(("block", "keep"), [(10**9, True), (10**9, False), (3 * 4 * 11 * 4 * 2, False), (1, True)])
def test_the_gradient_is_that_of_the_formulas(monkeypatch, kind, power, first, block, keep):
    monkeypatch.setattr(gating_in_training, "BLOCK_ON_CPU", block)
    monkeypatch.setattr(torch.Tensor, "float", lambda one: one)  # in float64, what rounding hides is seen
    query, key, value, biases, first_biases = asked = inputs(kind, first)
    settings, allowed = settings_of(kind, power), pieces(11)
    edges = Edges.of(query, key, allowed)
    drawn, uniform = [], torch.full((3, 4, 11, 11), 0.5, dtype=torch.float64)
    draw = torch.Tensor.uniform_
    monkeypatch.setattr(
        torch.Tensor, "uniform_", lambda one, **with_: drawn.append(draw(one, **with_).clone()) or one.copy_(drawn[-1])
    )
    out, done = gated_in_training(settings, query, key, value, edges, biases, first_biases, keep, True)
    if len(drawn) == 1:
        uniform = drawn[0]
    else:  # a block draws for the keys that it may see
        layer = gating_in_training.Layer(settings, query, key, value, edges, edges.cost(settings, 3, 4), None, None)
        for (some, seen), part in zip(layer.blocks(), drawn, strict=True):
            uniform[..., some, seen] = part
    expected_out, expected, opened = plainly(settings, *asked[:3], allowed, biases, first_biases, uniform)
    assert torch.equal(done.mask, opened)
    assert torch.equal(done.open_edges, opened.sum((0, 2, 3)))
    torch.testing.assert_close(out, expected_out)
    torch.testing.assert_close(done.expected, expected, check_dtype=False)
    learnt = [one for one in asked if one is not None]
    down = torch.randn(out.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    ours = torch.autograd.grad((out * down).sum() + 3 * done.expected, learnt)
    theirs = torch.autograd.grad((expected_out * down).sum() + 3 * expected, learnt)
    for mine, other in zip(ours, theirs, strict=True):
        assert other.abs().max() > 1e-3
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("low", [("value",), ("query", "key", "value")])
def test_in_bfloat16_it_is_the_same_to_bfloat16(low):
    """Under autocast the values are rounded and, after rotary positions, queries and keys need not be."""
    names = ("query", "key", "value")
    whole = inputs("weight", first=True, dtype=torch.float32)
    rounded = [
        one.detach().to(torch.bfloat16 if name in low else torch.float32).requires_grad_()
        for name, one in zip(names, whole[:3], strict=True)
    ] + [one.detach().requires_grad_() for one in whole[3:]]
    found = []
    for tensors in (whole, rounded):
        edges = Edges.of(*tensors[:2], pieces(11))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=tensors is rounded):
            out, done = gated_in_training(settings_of("weight"), *tensors[:3], edges, *tensors[3:], keep=False)
        assert out.dtype == tensors[2].dtype
        found.append([out, done.expected, *torch.autograd.grad(out.float().sum() + done.expected, tensors)])
    for one, other in zip(*found, strict=True):
        assert (one - other).float().norm() < 0.05 * one.float().norm()


@pytest.mark.parametrize(("kind", "most"), [("score", 0.01), ("weight", 0.03)])
def test_many_blocks_in_bfloat16_are_as_good_as_one(monkeypatch, kind, most):
    """Sums over blocks, and differences of large sums, are not taken in bfloat16."""
    length, rng = 256, torch.Generator().manual_seed(0)
    whole = [torch.randn(1, 2, length, 16, generator=rng) for _ in range(3)]
    biases = [torch.full((2,), 1.0), torch.full((2,), -1.0)]
    causal = torch.ones(1, 1, length, length).tril().bool()
    down = torch.randn(1, 2, length, 16, generator=rng)
    monkeypatch.setattr(gating_in_training, "BLOCK_ON_CPU", 2 * length * 4 * 2)
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda one, **_: one.fill_(0.4))
    found = []
    for dtype in (torch.float64, torch.bfloat16):
        with monkeypatch.context() as here:
            if dtype == torch.float64:
                here.setattr(torch.Tensor, "float", lambda one: one)
            tensors = [one.to(torch.bfloat16).to(dtype).requires_grad_() for one in whole]
            tensors += [one.to(torch.promote_types(dtype, torch.float32)).requires_grad_() for one in biases]
            edges = Edges.of(*tensors[:2], causal)
            out, _ = gated_in_training(settings_of(kind), *tensors[:3], edges, *tensors[3:], keep=False)
            found.append(torch.autograd.grad((out * down.to(dtype)).sum(), tensors))
    for exact, one in zip(*found, strict=True):
        assert (exact - one).norm() < most * exact.norm()


def test_a_gate_far_beyond_its_threshold_is_open_whatever_the_noise(monkeypatch):
    """torch's uniform numbers are 0 now and then: that shut gates that a control holds open."""
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda one, **_: one.zero_())
    query, key, value, *_ = inputs("score", first=False, dtype=torch.float32)
    edges = Edges.of(query, key, pieces(11))
    settings = Settings("score", 1e6, 0.5, 1.0, 0.6, noise=5)
    _, done = gated_in_training(settings, query, key, value, edges, None, None, keep=False)
    assert done.open_edges.sum() == 4 * done.causal_edges


def test_what_the_gradient_needs_is_let_go_when_it_is_done(tmp_path):
    model, gate = gated_model(write_tiny_llama(tmp_path / "llama"))
    tokens = torch.randint(2, 100, (2, 12), generator=torch.Generator().manual_seed(0))
    loss = loss_of(model, gate, tokens)
    nodes, ours = [loss.grad_fn], None
    while ours is None:
        node = nodes.pop()
        nodes += [after for after, _ in node.next_functions if after is not None]
        ours = node if hasattr(node, "edges") else None
    assert len(ours.saved_tensors) > ours.n_kept > 0
    loss.backward()
    with pytest.raises(RuntimeError, match="freed"):
        _ = ours.saved_tensors
    assert not gate.expected.requires_grad  # the gate, which lives on, holds no graph


def gated_model(folder, kind="weight"):
    model = read_model(folder, read_config(folder), torch.float32)
    gate = Gate(4.0 if kind == "weight" else 0.0, kind, power=0.5, temperature=0.3)
    attach(model, gate)
    shape = model.config.num_hidden_layers, model.config.num_attention_heads
    set_head_bias(model, torch.zeros(shape), torch.zeros(shape))
    return model.eval().requires_grad_(True), gate


def loss_of(model, gate, tokens, mode="train"):
    with gate.running(mode, torch.Generator().manual_seed(3)) as counted:
        logits = model(tokens).logits
        loss = logits.log_softmax(-1)[:, :-1].gather(-1, tokens[:, 1:, None]).mean()
        return loss if mode == "dense" else loss + counted.expected


@pytest.mark.parametrize("write", [write_tiny_llama, write_tiny_gpt2])
@pytest.mark.parametrize("kind", ["score", "weight"])
def test_computing_again_changes_no_gradient_of_a_model(tmp_path, monkeypatch, write, kind):
    tokens = torch.randint(2, 100, (2, 12), generator=torch.Generator().manual_seed(0))
    found, kept = [], []
    for again in (True, False):
        monkeypatch.setattr(gated_attention, "ON_CPU", 0 if again else 10**9)
        model, gate = gated_model(write(tmp_path / f"{again}"), kind)
        # The gate has left its mode when the gradient comes.
        loss = loss_of(model, gate, tokens)
        kept.append(held_by(loss, 12))
        loss.backward()
        found.append({name: one.grad for name, one in model.named_parameters()})
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert found[0][next(name for name in found[0] if name.endswith(gated_attention.BIAS))].abs().max() > 0
    matrix = 2 * model.config.num_attention_heads * 12 * 12 * torch.float32.itemsize
    assert kept[0] < matrix / 2 < kept[1] <= gated_attention.KEPT_MATRICES * matrix * gate.layers + matrix / 2


def held_by(loss, length):
    """Bytes of all tensors of queries times keys that the graph of a loss holds: of autograd, and of our own gradient."""
    held, nodes, seen = {}, [loss.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        nodes += [after for after, _ in node.next_functions]
        mine = [getattr(node, name) for name in dir(node) if name.startswith("_saved_")]
        if hasattr(node, "edges"):
            mine += [*node.saved_tensors, node.edges.allowed, node.edges.first]
        held |= {one.data_ptr(): one for one in mine if isinstance(one, torch.Tensor) and one.ndim > 2}
    return sum(one.nbytes for one in held.values() if one.shape[-1] == length and one.shape[-2] > 1)


def test_score_matrices_are_kept_where_there_is_room():
    """SmolLM2-135M: a step on four rows of 128 tokens has room, one on a row of 1,024 has not."""
    queries = [torch.empty(4, 9, 128, 64, device="meta"), torch.empty(1, 9, 1024, 64, device="meta")]
    assert [gated_attention.has_room(30, query, query) for query in queries] == [True, False]


def test_a_step_on_2048_tokens_keeps_no_score_matrix(tmp_path, monkeypatch):
    monkeypatch.setattr(gated_attention, "ON_CPU", 0)  # two tiny layers would have room
    length = 2048
    small = {"num_hidden_layers": 2, "num_attention_heads": 1, "num_key_value_heads": 1, "hidden_size": 8}
    model, gate = gated_model(write_tiny_llama(tmp_path / "llama", max_position_embeddings=length, **small))
    tokens = torch.randint(2, 100, (1, length), generator=torch.Generator().manual_seed(0))
    loss = loss_of(model, gate, tokens)
    assert held_by(loss, length) == 2 * length**2  # which edges there are, a byte each, once for all layers
    assert gate.masks is None
    loss.backward()
    assert all(torch.isfinite(one.grad).all() for one in model.parameters())
    # The twin: what an ordinary attention keeps is seen by the same count.
    assert held_by(loss_of(model, gate, tokens[:, :256], "dense"), 256) > 4 * 256**2
