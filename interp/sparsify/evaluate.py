"""How good and how dense a gated model is on some text, against the dense model on the same text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.models.gated_attention import Gate, Mode
from interp.sparsify.teacher import Teacher


@dataclass(frozen=True)
class Judged:
    """Losses in nats a token over all predicted positions; what is open, as shares, and open keys a query and head.

    `shut_rows` is the share of queries (of a head) without an open edge, `first_token` the share of open edges that go to
    the first position.
    """

    loss: float
    dense_loss: float
    kl: float
    density: float
    keys_a_query: float
    shut_rows: float
    first_token: float
    expected: float
    by_head: Float[Tensor, "layer head"]
    excess: Float[Tensor, " sequence"]

    @property
    def above_dense(self) -> float:
        """Loss above the dense model's, nats a token."""
        return self.loss - self.dense_loss


@torch.no_grad()
def evaluate(
    model: Any,
    gate: Gate,
    teacher: Teacher,
    tokens: Int[Tensor, "sequence pos"],
    mode: Mode = "infer",
    batch: int = 8,
    scored: slice = slice(None),
) -> Judged:
    """Run dense and gated model over the sequences; `excess` is the loss above the dense one of each sequence.

    Losses are those of the predictions at the positions in `scored`; densities count all positions.
    """
    losses, dense_losses, divergences, expected = [], [], [], []
    opened: Tensor | None = None
    causal = queries = shut = first = 0.0
    for part in torch.split(tokens, batch):
        part = part.to(model.device)
        wanted = teacher(part).float().log_softmax(-1)[:, scored]
        with gate.running(mode) as counted:
            student = model(part).logits.float().log_softmax(-1)[:, scored]
            expected += [float(counted.expected)] * len(part)
            here = torch.stack([counted.open_edges[layer] for layer in sorted(counted.open_edges)]).double()
            opened = here if opened is None else opened + here
            causal, queries = causal + counted.causal_edges, queries + counted.queries
            shut, first = shut + sum(counted.shut_rows), first + sum(counted.first_edges)
        losses.append(cross_entropy(student, part[:, scored]))
        dense_losses.append(cross_entropy(wanted, part[:, scored]))
        divergences.append(kl_divergence(wanted, student).mean(-1))
    assert opened is not None
    loss, dense_loss, kl = (torch.cat(parts).double().cpu() for parts in (losses, dense_losses, divergences))
    by_head = (opened / causal).float().cpu()
    return Judged(
        loss=float(loss.mean()),
        dense_loss=float(dense_loss.mean()),
        kl=float(kl.mean()),
        density=float(by_head.mean()),
        keys_a_query=float(opened.mean()) / queries,
        shut_rows=shut / (queries * opened.numel()),
        first_token=first / max(1.0, float(opened.sum())),
        expected=sum(expected) / len(expected),
        by_head=by_head,
        excess=loss - dense_loss,
    )


def cross_entropy(
    log_probs: Float[Tensor, "sequence pos d_vocab"], tokens: Int[Tensor, "sequence pos"]
) -> Float[Tensor, " sequence"]:
    """Mean negative log-probability of the next token, nats, of each sequence."""
    return -log_probs[:, :-1].gather(-1, tokens[:, 1:, None])[..., 0].mean(-1)


def kl_divergence(
    teacher: Float[Tensor, "sequence pos d_vocab"], student: Float[Tensor, "sequence pos d_vocab"]
) -> Float[Tensor, "sequence pos"]:
    """KL(teacher || student) of log-probabilities, nats, of each position."""
    return torch.nn.functional.kl_div(student, teacher, reduction="none", log_target=True).sum(-1)
