"""Logits held against Hugging Face's, and the hash of the weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int

from interp.errors import UserError
from interp.models.lens import has_hooked_transformer, needs_older

TOLERANCE = {"float32": 1e-3, "float16": 5e-1, "bfloat16": 2.0}
MOST_TOKENS = 64


def weights_sha256(model: Any) -> str:
    """Hash over names, shapes and values of all tensors, in order of name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Reference:
    """Hugging Face's logits on some tokens; `text` says which."""

    tokens: Int[torch.Tensor, "1 pos"]
    logits: Float[torch.Tensor, "1 pos d_vocab"]
    text: str


@torch.no_grad()
def reference_logits(hf_model: Any, tokenizer: Any, prompt: str | None) -> Reference:
    """What Hugging Face's model says to the run's own prompt, cut to the model's context.

    Without a prompt, or with one that this tokenizer or embedding cannot take (which is told where prompts are encoded),
    the tokens are spread evenly over the vocabulary: no language is asked of a model of digits.
    """
    config = hf_model.config
    most = min(MOST_TOKENS, getattr(config, "max_position_embeddings", MOST_TOKENS))
    everything = _ids(tokenizer, prompt)
    ids = everything[:most]
    if ids and max(ids) < config.vocab_size:
        text = prompt or ""
        if len(ids) < len(everything):
            text = str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))
    else:
        count = min(8, most)
        ids = [place * (config.vocab_size - 1) // count for place in range(1, count + 1)]
        text = f"tokens {', '.join(map(str, ids))}"
    tokens = torch.tensor([ids])
    return Reference(tokens, hf_model(tokens).logits.float(), text)


def _ids(tokenizer: Any, prompt: str | None) -> list[int]:
    if not prompt:
        return []
    try:
        return list(tokenizer(prompt, add_special_tokens=False)["input_ids"])
    except Exception:  # a word-level tokenizer without <unk> raises a plain Exception for a word that it does not know
        return []


@torch.no_grad()
def logits_difference(reference: Reference, hooked: Any, dtype: str, centred: bool = False) -> float:
    """Largest difference of logits to the reference; UserError when it is too large.

    `centred`: the unembedding was centred, which moves all logits of a row by one number; each row's mean is taken off.
    """
    ours = hooked(reference.tokens.to(hooked.cfg.device)).float().cpu()
    if not bool(reference.logits.isfinite().all()):
        raise UserError(
            f"the model returns NaN or infinity, in Hugging Face too, when it runs in {dtype}"
            + ("" if dtype == "float32" else "; try model.dtype float32")
        )
    apart = reference.logits - ours
    if centred:
        apart = apart - apart.mean(-1, keepdim=True)
    largest = float(apart.abs().max())
    if not largest <= TOLERANCE[dtype]:  # NaN is refused, too
        if not has_hooked_transformer():
            raise needs_older(f"in TransformerLens 4 the model's logits differ from Hugging Face's by {largest:.2g}")
        raise UserError(
            f"the converted model's logits differ from Hugging Face's by {largest:.2g} (allowed: {TOLERANCE[dtype]:g}), so "
            "nothing that it says can be trusted; please report the model's config"
        )
    return largest
