"""Logits held against Hugging Face's, and the hash of the weights."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from interp.errors import UserError

PROMPT = 'The opposite of "large" is "'
TOLERANCE = {"float32": 1e-3, "float16": 5e-1, "bfloat16": 2.0}


def weights_sha256(model: Any) -> str:
    """Hash over names, shapes and values of all tensors, in order of name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


@torch.no_grad()
def logits_difference(hf_model: Any, hooked: Any, tokenizer: Any, dtype: str) -> float:
    """Largest difference of logits on one prompt, each row's mean removed; UserError when it is too large."""
    tokens = torch.tensor([tokenizer(PROMPT, add_special_tokens=False)["input_ids"]])
    theirs = hf_model(tokens).logits.float()
    ours = hooked(tokens.to(hooked.cfg.device)).float().cpu()
    theirs, ours = (logits - logits.mean(-1, keepdim=True) for logits in (theirs, ours))
    found = float((theirs - ours).abs().max())
    if not found <= TOLERANCE[dtype]:
        raise UserError(
            f"the converted model's logits differ from Hugging Face's by {found:.2g} (allowed: {TOLERANCE[dtype]:g}), so "
            "nothing that it says can be trusted; please report the model's config"
        )
    return found
