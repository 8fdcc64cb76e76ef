"""Logits held against Hugging Face's, and the hash of the weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int

from interp.errors import UserError
from interp.models.bridge import HookedBridge
from interp.models.lens import has_hooked_transformer, needs_older
from interp.models.tensors import finite

TOLERANCE = {"float32": 1e-3, "float16": 5e-1, "bfloat16": 2.0}
MOST_TOKENS = 64
COLUMNS = 2**13
"""Tokens of the vocabulary that are unembedded at once."""


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


def _logits_in_parts(hooked: Any, tokens: Int[torch.Tensor, "1 pos"]) -> Iterator[Float[torch.Tensor, "1 pos some"]]:
    """Logits of some of the vocabulary after the other: TransformerLens' unembedding copies all that it is made of."""
    if isinstance(hooked, HookedBridge):
        yield hooked(tokens)
        return
    resid = hooked(tokens, stop_at_layer=hooked.cfg.n_layers)
    if hooked.cfg.normalization_type is not None:
        resid = hooked.ln_final(resid)
    cap, unembed = hooked.cfg.output_logits_soft_cap or 0.0, hooked.unembed
    for columns, bias in zip(unembed.W_U.split(COLUMNS, dim=-1), unembed.b_U.split(COLUMNS), strict=True):
        logits = torch.nn.functional.linear(resid, columns.T.contiguous(), bias)
        yield cap * torch.tanh(logits / cap) if cap > 0 else logits


@torch.no_grad()
def logits_difference(reference: Reference, hooked: Any, dtype: str, centred: bool = False) -> float:
    """Largest difference of logits to the reference; UserError when it is too large.

    `centred`: the unembedding was centred, which moves all logits of a row by one number; each row's mean is taken off.
    """
    if not finite(reference.logits):
        raise UserError(
            f"the model returns NaN or infinity, in Hugging Face too, when it runs in {dtype}"
            + ("" if dtype == "float32" else "; try model.dtype float32")
        )
    apart = reference.logits.clone()
    begin = 0
    for ours in _logits_in_parts(hooked, reference.tokens.to(hooked.cfg.device)):
        end = begin + ours.shape[-1]
        apart[..., begin:end] -= ours.float().cpu()
        begin = end
    if centred:
        apart -= apart.mean(-1, keepdim=True)
    lowest, highest = apart.aminmax()
    largest = max(float(highest), -float(lowest))
    if not largest <= TOLERANCE[dtype]:  # NaN is refused, too
        if not has_hooked_transformer():
            raise needs_older(f"in TransformerLens 4 the model's logits differ from Hugging Face's by {largest:.2g}")
        raise UserError(
            f"the converted model's logits differ from Hugging Face's by {largest:.2g} (allowed: {TOLERANCE[dtype]:g}), so "
            "nothing that it says can be trusted; please report the model's config"
        )
    return largest
