"""The loss above the dense model's, from last hidden states, some positions at a time.

Logits of a step's tokens, both models' log-probabilities and their gradients are gigabytes that are read once. With the
output embedding frozen, the gradient at the hidden states follows position by position,

    loss              = a sum_v p_teacher (log p_teacher - log p_student) + b (log p_teacher - log p_student)[next token]
    d loss / d logits = (a + b) p_student - a p_teacher - b 1[next token]

so it is computed with the loss and only the hidden states' is kept (as Liger-Kernel's fused linear losses do on a GPU).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from interp.models.room import room
from interp.sparsify.config import Loss
from interp.sparsify.evaluate import cross_entropy, kl_divergence

ON_CPU, PART_OF_GPU = 25_000_000, 0.02
"""Bytes, and share of a GPU, of a part's logits: below what a CPU's allocator returns to the system after every use."""

Logits = Callable[[Float[Tensor, "1 some d_model"]], Float[Tensor, "1 some d_vocab"]]


def excess_loss(
    weights: Loss,
    teacher: Float[Tensor, "sequence pos d_vocab"],
    student: Float[Tensor, "sequence pos d_vocab"],
    tokens: Int[Tensor, "sequence pos"],
) -> Float[Tensor, ""]:
    """The loss above the dense model's on the same tokens, from log-probabilities, nats a token; 0 when both models agree."""
    loss = student.new_zeros(())
    if weights.kl:
        loss = loss + weights.kl * kl_divergence(teacher, student).mean()
    if weights.cross_entropy:
        loss = loss + weights.cross_entropy * (cross_entropy(student, tokens) - cross_entropy(teacher, tokens)).mean()
    return loss


def excess_loss_of_hidden(
    weights: Loss,
    logits: Logits,
    teacher: Float[Tensor, "sequence pos d_model"],
    student: Float[Tensor, "sequence pos d_model"],
    tokens: Int[Tensor, "sequence pos"],
    d_vocab: int,
) -> Float[Tensor, ""]:
    """The same from last hidden states, where no parameter of `logits` is trained: only `student` gets a gradient."""
    of_kl = torch.full(tokens.shape, weights.kl / tokens.numel())
    of_next = torch.full(tokens.shape, weights.cross_entropy / max(1, tokens[:, 1:].numel()))
    of_next[:, -1] = 0.0  # nothing comes next
    flat = [one.to(student.device).flatten() for one in (of_kl, of_next, tokens.roll(-1, dims=1))]
    size = max(1, room(student.device, ON_CPU, PART_OF_GPU) // (d_vocab * torch.float32.itemsize))
    parts = zip(*(torch.split(one, size) for one in (teacher.flatten(0, 1), *flat)), strict=True)
    loss: Tensor = _InParts.apply(student.flatten(0, 1), logits, size, list(parts))  # type: ignore[no-untyped-call]
    return loss


class _InParts(torch.autograd.Function):
    """Loss and gradient of one part of the positions after the other."""

    @staticmethod
    def forward(ctx: Any, student: Tensor, logits: Logits, size: int, parts: list[tuple[Tensor, ...]]) -> Tensor:
        loss, gradient = torch.zeros((), device=student.device), torch.empty_like(student)
        # Reused by all parts: what a CPU's allocator hands out anew is written page by page for the first time.
        room_for = [torch.empty(0, device=student.device) for _ in range(4)]
        for hidden, kept, (teacher, of_kl, of_next, following) in zip(
            torch.split(student, size), torch.split(gradient, size), parts, strict=True
        ):
            wanted, leaf = _float(logits(teacher[None]), room_for[0]), hidden[None].detach().requires_grad_()
            with torch.enable_grad():
                made = logits(leaf)
            got, places = _float(made.detach(), room_for[1]), following[None, :, None]
            (own_share, own_sum), (share, sum_) = _softmax(got, room_for[2]), _softmax(wanted, room_for[3])
            apart = wanted.sub_(got)
            above = own_sum - sum_
            loss += (of_next * (apart.gather(-1, places) + above)[0, :, 0]).sum()
            loss += (of_kl * (apart.mul_(share).sum(-1) + above[..., 0])).sum()
            slope = own_share.mul_((of_kl + of_next)[:, None]).addcmul_(share, of_kl[:, None], value=-1.0)
            slope.scatter_add_(-1, places, -of_next[None, :, None])
            kept.copy_(torch.autograd.grad(made, leaf, slope.to(made.dtype))[0][0])
        ctx.save_for_backward(gradient)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *above: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * above[0], None, None, None


def _float(logits: Tensor, kept: Tensor) -> Float[Tensor, "1 some d_vocab"]:
    """Logits in float32: themselves, or a copy in `kept`."""
    return logits if logits.dtype == torch.float32 else kept.resize_(logits.shape).copy_(logits)


def _softmax(
    logits: Float[Tensor, "1 some d_vocab"], shares: Tensor
) -> tuple[Float[Tensor, "1 some d_vocab"], Float[Tensor, "1 some 1"]]:
    """Probabilities, in `shares`, and the logarithm of the sum of exponentials, from one exponential a logit."""
    torch.softmax(logits, -1, out=shares.resize_(logits.shape))
    largest, place = logits.max(-1, keepdim=True)
    return shares, largest - shares.gather(-1, place).log()
