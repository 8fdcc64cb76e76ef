"""Logits held against Hugging Face's, and the hash of the weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int

from interp.errors import UserError

PROMPT = 'The opposite of "large" is "'
TOLERANCE = {"float32": 1e-3, "float16": 5e-1, "bfloat16": 2.0}


def weights_sha256(model: Any) -> str:
    """Hash over names, shapes and values of all tensors, in order of name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Reference:
    """Hugging Face's logits on the fixed prompt."""

    tokens: Int[torch.Tensor, "1 pos"]
    logits: Float[torch.Tensor, "1 pos d_vocab"]


@torch.no_grad()
def reference_logits(hf_model: Any, tokenizer: Any) -> Reference:
    """What Hugging Face's model says to the fixed prompt."""
    tokens = torch.tensor([tokenizer(PROMPT, add_special_tokens=False)["input_ids"]])
    return Reference(tokens, hf_model(tokens).logits.float())


@torch.no_grad()
def logits_difference(reference: Reference, hooked: Any, dtype: str) -> float:
    """Largest difference of logits to the reference, each row's mean removed; UserError when it is too large."""
    ours = hooked(reference.tokens.to(hooked.cfg.device)).float().cpu()
    centred = [logits - logits.mean(-1, keepdim=True) for logits in (reference.logits, ours)]
    found = float((centred[0] - centred[1]).abs().max())
    if not found <= TOLERANCE[dtype]:  # NaN is refused, too
        raise UserError(
            f"the converted model's logits differ from Hugging Face's by {found:.2g} (allowed: {TOLERANCE[dtype]:g}), so "
            "nothing that it says can be trusted; please report the model's config"
        )
    return found
