"""A layer's gradient computes its scores again: the same gradient, and no score matrix kept until then."""

from __future__ import annotations

import pytest
import torch

from interp.models import gated_attention
from interp.models.directory import read_config, read_model
from interp.models.gated_attention import Gate, attach, set_head_bias
from tests.tiny_models import write_tiny_gpt2, write_tiny_llama


def gated_model(folder, kind="weight"):
    model = read_model(folder, read_config(folder), torch.float32)
    gate = Gate(4.0 if kind == "weight" else 0.0, kind, power=0.5, temperature=0.3)
    attach(model, gate)
    shape = model.config.num_hidden_layers, model.config.num_attention_heads
    set_head_bias(model, torch.zeros(shape), torch.zeros(shape))
    return model.train().requires_grad_(True), gate


def loss_of(model, gate, tokens, mode="train"):
    with gate.running(mode, torch.Generator().manual_seed(3)) as counted:
        logits = model(tokens).logits
        loss = logits.log_softmax(-1)[:, :-1].gather(-1, tokens[:, 1:, None]).mean()
        return loss if mode == "dense" else loss + counted.expected


@pytest.mark.parametrize("write", [write_tiny_llama, write_tiny_gpt2])
@pytest.mark.parametrize("kind", ["score", "weight"])
def test_computing_again_changes_no_gradient(tmp_path, monkeypatch, write, kind):
    tokens = torch.randint(2, 100, (2, 12), generator=torch.Generator().manual_seed(0))
    found = []
    for again in (True, False):
        monkeypatch.setattr(gated_attention, "ON_CPU", 0 if again else 10**9)
        model, gate = gated_model(write(tmp_path / f"{again}"), kind)
        torch.manual_seed(1)  # of dropout
        # The gate has left its mode when the gradient comes.
        loss_of(model, gate, tokens).backward()
        found.append({name: one.grad for name, one in model.named_parameters()})
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert found[0][next(name for name in found[0] if name.endswith(gated_attention.BIAS))].abs().max() > 0


def kept_matrices(model, gate, tokens, mode):
    """How many tensors of a query times a key the forward pass keeps for the gradient; the loss."""
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda one: kept.append(one) or one, lambda one: one):
        loss = loss_of(model, gate, tokens, mode)
    size = tokens.shape[1]
    return len({one.data_ptr() for one in kept if one.shape[-2:] == (size, size)}), loss


def test_score_matrices_are_kept_where_there_is_room(monkeypatch, tmp_path):
    tokens = torch.randint(2, 100, (2, 12), generator=torch.Generator().manual_seed(0))
    model, gate = gated_model(write_tiny_llama(tmp_path / "llama"))
    assert kept_matrices(model, gate, tokens, "train")[0] > 4
    monkeypatch.setattr(gated_attention, "ON_CPU", 0)
    assert kept_matrices(model, gate, tokens, "train")[0] == 1
    # SmolLM2-135M: a step on four rows of 128 tokens has room, one on a row of 1,024 has not.
    monkeypatch.undo()
    queries = [torch.empty(4, 9, 128, 64, device="meta"), torch.empty(1, 9, 1024, 64, device="meta")]
    assert [gated_attention.has_room(30, query, query) for query in queries] == [True, False]


@pytest.mark.parametrize("write", [write_tiny_llama, write_tiny_gpt2])
def test_a_layer_keeps_no_more_than_is_counted(tmp_path, write):
    model, gate = gated_model(write(tmp_path / "model"))
    tokens = torch.randint(2, 100, (2, 24), generator=torch.Generator().manual_seed(0))
    kept = {}
    with torch.autograd.graph.saved_tensors_hooks(lambda one: kept.setdefault(one.data_ptr(), one), lambda one: one):
        loss_of(model, gate, tokens)
    bytes_kept = sum(one.nbytes for one in kept.values() if one.shape[-2:] == (24, 24))
    heads = model.config.num_attention_heads
    matrices = bytes_kept / (gate.layers * tokens.numel() * heads * 24 * torch.float32.itemsize)
    assert gated_attention.KEPT_MATRICES - 2 < matrices <= gated_attention.KEPT_MATRICES


def test_a_step_on_2048_tokens_keeps_no_score_matrix(tmp_path, monkeypatch):
    monkeypatch.setattr(gated_attention, "ON_CPU", 0)  # two tiny layers would have room
    length = 2048
    small = {"num_hidden_layers": 2, "num_attention_heads": 1, "num_key_value_heads": 1, "hidden_size": 8}
    model, gate = gated_model(write_tiny_llama(tmp_path / "llama", max_position_embeddings=length, **small))
    tokens = torch.randint(2, 100, (1, length), generator=torch.Generator().manual_seed(0))
    matrices, loss = kept_matrices(model, gate, tokens, "train")
    assert matrices == 1  # the mask, one for all layers
    loss.backward()
    assert all(torch.isfinite(one.grad).all() for one in model.parameters())
    # The twin: what an ordinary attention keeps is seen by the same count.
    assert kept_matrices(model, gate, tokens[:, :256], "dense")[0] > 4
