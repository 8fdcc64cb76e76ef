"""Text that the dense model writes itself, kept in the user's cache by the hash of everything that it depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from safetensors.torch import load_file, save_file
from torch import Tensor

from interp.errors import UserError
from interp.models.cache import building, cache_folder, sha256
from interp.sparsify.text_config import SampledText

TOKENS, HASH = "tokens.safetensors", "sha256"


def sampled(
    config: SampledText, context: int, model: Any, tokenizer: Any, seed: int, model_hash: str, console: Console
) -> Int[Tensor, "sequence pos"]:
    """Sequences that begin with one of the openings, or with nothing."""
    start = _begin(config, tokenizer)
    openings = _openings(config, tokenizer, model)
    # Without openings the key is that of texts sampled before there were any.
    settings = config.model_dump(exclude={"together"} if openings else {"together", "openings"})
    key = json.dumps([settings, context, start, seed, model_hash, str(model.dtype), config.together])
    folder = cache_folder() / "text" / hashlib.sha256(key.encode()).hexdigest()[:16]
    # What was cut, exchanged or kept by an older version without a hash is sampled again.
    with building(folder, _whole) as temporary:
        if temporary is not None:
            tokens = torch.cat(list(_sample(config, context, model, start, openings, seed, console)))
            save_file({"tokens": tokens}, temporary / TOKENS)
            (temporary / HASH).write_text(sha256(temporary / TOKENS), encoding="utf-8")
    return load_file(folder / TOKENS)["tokens"]


def _whole(folder: Path) -> bool:
    try:
        return (folder / HASH).read_text(encoding="utf-8") == sha256(folder / TOKENS)
    except (OSError, ValueError):
        return False


def _begin(config: SampledText, tokenizer: Any) -> int:
    begin = tokenizer.bos_token if config.begin is None else config.begin
    if begin is None:
        raise UserError("text.of.begin: this tokenizer has no BOS token; name the token that sampled text begins with")
    ids = tokenizer(begin, add_special_tokens=False)["input_ids"]
    if len(ids) != 1:
        raise UserError(f"text.of.begin: {begin!r} is {len(ids)} tokens of this tokenizer; it must be one")
    return int(ids[0])


def _openings(config: SampledText, tokenizer: Any, model: Any) -> list[list[int]]:
    if config.openings == "vocabulary":
        special = set(tokenizer.all_special_ids)
        return [[token] for token in range(min(len(tokenizer), model.config.vocab_size)) if token not in special]
    return [tokenizer(opening, add_special_tokens=False)["input_ids"] for opening in config.openings]


def _sample(
    config: SampledText, context: int, model: Any, start: int, openings: list[list[int]], seed: int, console: Console
) -> Iterator[Int[Tensor, "sequence pos"]]:
    longest = max(map(len, openings), default=1)
    if longest + context - 1 > model.config.max_position_embeddings:
        raise UserError(
            f"text.context: {context} tokens after an opening of {longest} are more than the model's context of "
            f"{model.config.max_position_embeddings}; give a shorter text.context or shorter text.of.openings"
        )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, TimeRemainingColumn(), console=console) as progress,
        torch.random.fork_rng(),
        torch.no_grad(),
    ):
        task = progress.add_task("sampling text from the dense model", total=config.sequences)
        for number, first in enumerate(range(0, config.sequences, config.together)):
            count = min(config.together, config.sequences - first)
            torch.manual_seed(seed * 1_000_003 + number)
            drawn = torch.randint(len(openings), (count,)).tolist() if openings else []
            begins = [openings[place] for place in drawn] or [[start]] * count
            kept = 0 if openings else 1  # the token in front of a text is not part of it
            longest = max(map(len, begins))
            padding = [longest - len(begin) for begin in begins]
            filled = torch.tensor([[start] * n + begin for n, begin in zip(padding, begins, strict=True)])
            seen = torch.tensor([[0] * n + [1] * (longest - n) for n in padding])
            made = model.generate(
                filled.to(model.device),
                attention_mask=seen.to(model.device),
                do_sample=True,
                temperature=config.temperature,
                top_k=0,
                top_p=1.0,
                # A sequence goes on after its end-of-text token, as packed text does.
                min_new_tokens=context,
                max_new_tokens=context,
                pad_token_id=start,
            ).cpu()
            yield torch.stack([row[n + kept : n + kept + context] for row, n in zip(made, padding, strict=True)])
            progress.advance(task, count)
