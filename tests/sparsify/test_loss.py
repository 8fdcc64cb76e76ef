"""The loss from hidden states, part by part, beside the loss of whole logits under autograd; in every family's own readout."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from interp.models.directory import read_config, read_model
from interp.sparsify import loss as losses
from interp.sparsify.config import Loss
from interp.sparsify.loss import excess_loss, excess_loss_of_hidden
from interp.sparsify.readout import NO_POSITIONS, last_hidden, logits_of
from tests.tiny_families import BY_HOOKS, TINY, write_tiny

BOTH = Loss(kl=0.7, cross_entropy=0.4)


def model_of(folder, name):
    model = read_model(write_tiny(folder, name), read_config(folder), torch.float32).eval().requires_grad_(False)
    for weight in model.parameters():
        weight.mul_(3.0)  # far from uniform: a soft cap is felt
    return model


def tokens_of(model):
    return torch.randint(2, model.config.vocab_size, (3, 7), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", sorted({*TINY, *BY_HOOKS}))
def test_hidden_states_lead_to_the_models_own_logits(tmp_path, name):
    model = model_of(tmp_path / "model", name)
    tokens = tokens_of(model)
    with last_hidden(model) as found:
        whole = model(tokens).logits
        assert model(tokens, logits_to_keep=NO_POSITIONS).logits.shape[:2] == (3, 0)
    assert torch.equal(found[0], found[1])
    assert torch.equal(logits_of(model, found[0]), whole)
    assert torch.equal(model(tokens).logits, whole)  # nothing stays behind
    assert len(found) == 2


@pytest.mark.parametrize("name", ["llama", "gemma2"])
@pytest.mark.parametrize("weights", [Loss(), Loss(kl=0.0, cross_entropy=1.0), BOTH])
@pytest.mark.parametrize("part", [1, 5, 10**6])
def test_part_by_part_it_is_the_loss_of_whole_logits_with_its_gradient(monkeypatch, tmp_path, name, weights, part):
    model = model_of(tmp_path / "model", name)
    tokens, vocab = tokens_of(model), model.config.vocab_size
    rng = torch.Generator().manual_seed(1)
    teacher, student = (torch.randn(3, 7, 32, generator=rng, requires_grad=True) for _ in range(2))
    monkeypatch.setattr(losses, "ON_CPU", part * vocab * 4)
    readout = partial(logits_of, model)
    calls = []
    ours = excess_loss_of_hidden(
        weights, lambda hidden: calls.append(hidden.shape[1]) or readout(hidden), teacher, student, tokens, vocab
    )
    assert max(calls) == min(part, 21)
    whole = [readout(hidden).log_softmax(-1) for hidden in (teacher.detach(), student)]
    theirs = excess_loss(weights, *whole, tokens)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    (mine,), (other,) = (torch.autograd.grad(2.0 * loss, student) for loss in (ours, theirs))
    assert other.abs().max() > 1e-2
    torch.testing.assert_close(mine, other, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("part", [5, 10**6])
def test_logits_in_bfloat16_are_summed_in_float32(monkeypatch, tmp_path, part):
    model = model_of(tmp_path / "model", "llama").to(torch.bfloat16)
    tokens, vocab = tokens_of(model), model.config.vocab_size
    rng = torch.Generator().manual_seed(1)
    teacher, student = (torch.randn(3, 7, 32, generator=rng).bfloat16().requires_grad_() for _ in range(2))
    monkeypatch.setattr(losses, "ON_CPU", part * vocab * 4)
    ours = excess_loss_of_hidden(BOTH, partial(logits_of, model), teacher, student, tokens, vocab)
    whole = [logits_of(model, hidden).float().log_softmax(-1) for hidden in (teacher.detach(), student)]
    theirs = excess_loss(BOTH, *whole, tokens)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    (mine,), (other,) = (torch.autograd.grad(loss, student) for loss in (ours, theirs))
    assert mine.dtype == torch.bfloat16
    torch.testing.assert_close(mine, other, atol=1e-3, rtol=2e-2)


def test_it_is_0_with_no_gradient_where_both_agree(tmp_path):
    model = model_of(tmp_path / "model", "llama")
    tokens, hidden = tokens_of(model), torch.randn(3, 7, 32, requires_grad=True)
    loss = excess_loss_of_hidden(BOTH, partial(logits_of, model), hidden, hidden, tokens, model.config.vocab_size)
    loss.backward()
    assert abs(float(loss.detach())) < 1e-6
    # Of the cross-entropy the student's slope is left: it follows the text, not the teacher.
    assert hidden.grad[:, -1].abs().max() < 1e-6 < hidden.grad[:, :-1].abs().max()
