"""Token sequences to train and to be judged on: sampled from the dense model, from a file, or from a data set.

A sequence is held out when the hash of its tokens says so, so a sequence that occurs twice is never on both sides.
Sampled text is kept in the user's cache, by the hash of everything that it depends on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
from interp.models.files import one_line
from interp.sparsify.config import FileText, SampledText, Text
from interp.sparsify.documents import dataset_documents, file_documents

SAMPLED_TOGETHER = 128
TOKENS, HASH = "tokens.safetensors", "sha256"


@dataclass(frozen=True)
class Sequences:
    """Training and held-out sequences of equal length, and where they come from."""

    train: Int[Tensor, "sequence pos"]
    held_out: Int[Tensor, "sequence pos"]
    origin: str
    sha256: str


def sequences(config: Text, model: Any, tokenizer: Any, seed: int, model_hash: str, console: Console) -> Sequences:
    """The sequences of a config.

    Raises UserError when the text is missing, or too short for one sequence on each side.
    """
    source = config.of
    if isinstance(source, SampledText):
        tokens = _sampled(source, config.context, model, _begin(source, tokenizer), seed, model_hash, console)
        origin = (
            f"{len(tokens)} sequences sampled from the dense model (temperature {source.temperature:g}, seed {seed})"
        )
    else:
        documents = file_documents(source) if isinstance(source, FileText) else dataset_documents(source)
        origin = f"file {source.path}" if isinstance(source, FileText) else f"data set {source.name}, {source.split}"
        tokens = _packed(documents, tokenizer, config.context, origin)
    held = torch.tensor([_held_out(row, config.held_out) for row in tokens])
    train, held_out = tokens[~held], tokens[held][: config.evaluated]
    if not len(train) or not len(held_out):
        raise UserError(
            f"text: {origin} gives {len(tokens)} sequences of {config.context} tokens, {len(tokens[held])} of them held "
            "out; both sides need at least one: give more text or a shorter text.context"
        )
    return Sequences(train, held_out, origin, hashlib.sha256(tokens.numpy().tobytes()).hexdigest())


def _begin(config: SampledText, tokenizer: Any) -> int:
    begin = tokenizer.bos_token if config.begin is None else config.begin
    if begin is None:
        raise UserError("text.of.begin: this tokenizer has no BOS token; name the token that sampled text begins with")
    found = tokenizer(begin, add_special_tokens=False)["input_ids"]
    if len(found) != 1:
        raise UserError(f"text.of.begin: {begin!r} is {len(found)} tokens of this tokenizer; it must be one")
    return int(found[0])


def _held_out(row: Int[Tensor, " pos"], share: float) -> bool:
    digest = hashlib.sha256(row.numpy().tobytes()).digest()
    return int.from_bytes(digest[:8], "little") < share * 2**64


def _sampled(
    config: SampledText, context: int, model: Any, start: int, seed: int, model_hash: str, console: Console
) -> Int[Tensor, "sequence pos"]:
    key = json.dumps([config.model_dump(), context, start, seed, model_hash, str(model.dtype), SAMPLED_TOGETHER])
    folder = cache_folder() / "text" / hashlib.sha256(key.encode()).hexdigest()[:16]
    # What was cut, exchanged or kept by an older version without a hash is sampled again.
    with building(folder, _whole) as temporary:
        if temporary is not None:
            tokens = torch.cat(list(_sample(config, context, model, start, seed, console)))
            save_file({"tokens": tokens}, temporary / TOKENS)
            (temporary / HASH).write_text(sha256(temporary / TOKENS), encoding="utf-8")
    return load_file(folder / TOKENS)["tokens"]


def _whole(folder: Path) -> bool:
    try:
        return (folder / HASH).read_text(encoding="utf-8") == sha256(folder / TOKENS)
    except (OSError, ValueError):
        return False


def _sample(
    config: SampledText, context: int, model: Any, start: int, seed: int, console: Console
) -> Iterator[Int[Tensor, "sequence pos"]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, TimeRemainingColumn(), console=console) as progress,
        torch.random.fork_rng(),
        torch.no_grad(),
    ):
        task = progress.add_task("sampling text from the dense model", total=config.sequences)
        for number, first in enumerate(range(0, config.sequences, SAMPLED_TOGETHER)):
            count = min(SAMPLED_TOGETHER, config.sequences - first)
            torch.manual_seed(seed * 1_000_003 + number)
            begin = torch.full((count, 1), start, device=model.device)
            made = model.generate(
                begin,
                attention_mask=torch.ones_like(begin),
                do_sample=True,
                temperature=config.temperature,
                top_k=0,
                top_p=1.0,
                # A sequence goes on after its end-of-text token, as packed text does.
                min_new_tokens=context,
                max_new_tokens=context,
                pad_token_id=start,
            )
            yield made[:, 1:].cpu()
            progress.advance(task, count)


def _packed(documents: Iterable[str], tokenizer: Any, context: int, origin: str) -> Int[Tensor, "sequence pos"]:
    """Documents end to end, each followed by the tokenizer's end-of-text token, cut into sequences."""
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    stream: list[int] = []
    for document in documents:
        stream += [*_ids(tokenizer, document, origin), *end]
    count = len(stream) // context
    if count < 2:
        raise UserError(
            f"text: {origin} has {len(stream)} tokens, too few for two sequences of {context}; give more text or a "
            "shorter text.context"
        )
    return torch.tensor(stream[: count * context]).reshape(count, context)


def _ids(tokenizer: Any, document: str, origin: str) -> list[int]:
    try:
        return list(tokenizer(document, add_special_tokens=False)["input_ids"])
    except Exception as error:  # a plain Exception, of a tokenizer that has no token for a word
        raise UserError(f"text: {origin} has text that this tokenizer cannot take: {one_line(error)}") from None
