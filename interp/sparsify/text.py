"""Token sequences to train and to be judged on: sampled from the dense model, from a file, or from a data set.

A sequence is held out when the hash of its tokens says so, so a sequence that occurs twice is never on both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from rich.console import Console
from torch import Tensor

from interp.errors import UserError
from interp.models.files import one_line
from interp.sparsify.documentation import paragraphs
from interp.sparsify.documents import dataset_documents, file_documents
from interp.sparsify.pieces import Rows, cut, repeat
from interp.sparsify.sampled import sampled
from interp.sparsify.text_config import DatasetText, DocumentationText, FileText, SampledText, Text, TextSource


@dataclass(frozen=True)
class Sequences:
    """Training rows and held-out sequences, and where they come from.

    `stream` is all of the text in its order, where it has one, and `trained` says which of its sequences are trained on.
    """

    train: Rows
    held_out: Int[Tensor, "sequence pos"]
    origin: str
    sha256: str
    stream: Int[Tensor, "place pos"] | None = None
    trained: Bool[Tensor, " place"] | None = None

    def of_length(self, length: int) -> Int[Tensor, "sequence {length}"]:
        """Held-out text of a length: the sequences' beginnings, or neighbours in the stream that are not trained on.

        About as many tokens as in all held-out sequences, at most; none where the text has no stream.
        """
        context = self.held_out.shape[1]
        if length <= context:
            return self.held_out[:, :length]
        if self.stream is None or self.trained is None:
            return self.held_out.new_empty(0, length)
        joined = -(-length // context)
        count = len(self.stream) // joined
        free = ~self.trained[: count * joined].view(count, joined).any(1)
        longer = self.stream[: count * joined].reshape(count, joined * context)[free]
        return longer[: max(2, len(self.held_out) // joined), :length]


def sequences(config: Text, model: Any, tokenizer: Any, seed: int, model_hash: str, console: Console) -> Sequences:
    """The sequences of a config.

    Raises UserError when the text is missing, or too short for one sequence on each side.
    """
    sources = config.of if isinstance(config.of, tuple) else (config.of,)
    read = [_read(source, config.context, model, tokenizer, seed, model_hash, console) for source in sources]
    tokens, origin = torch.cat([part.tokens for part in read]), " and ".join(part.origin for part in read)
    if len(read) > 1:  # so that the held-out sequences which are evaluated are of all sources
        tokens = tokens[torch.randperm(len(tokens), generator=torch.Generator().manual_seed(seed))]
    held = torch.tensor([_held_out(row, config.held_out) for row in tokens])
    train, held_out = tokens[~held], tokens[held][: config.evaluated]
    if not len(train) or not len(held_out):
        raise UserError(
            f"text: {origin} gives {len(tokens)} sequences of {config.context} tokens, {len(tokens[held])} of them held "
            "out; both sides need at least one: give more text or a shorter text.context"
        )
    rows = Rows(train)
    if config.shortest is not None:
        rows = repeat(cut(train, config.shortest, tokenizer.bos_token_id, seed), config.repeated, seed)
    streams = [part.stream for part in read if part.stream is not None]
    stream = torch.cat(streams) if streams else None
    known = {row.numpy().tobytes() for row in train}
    trained = None if stream is None else torch.tensor([row.numpy().tobytes() in known for row in stream])
    return Sequences(rows, held_out, origin, hashlib.sha256(tokens.numpy().tobytes()).hexdigest(), stream, trained)


@dataclass(frozen=True)
class _Source:
    tokens: Int[Tensor, "sequence pos"]
    origin: str
    stream: Int[Tensor, "place pos"] | None = None


def _read(
    source: TextSource, context: int, model: Any, tokenizer: Any, seed: int, model_hash: str, console: Console
) -> _Source:
    if isinstance(source, SampledText):
        tokens = sampled(source, context, model, tokenizer, seed, model_hash, console)
        drawn = (
            f"{len(tokens)} sequences sampled from the dense model (temperature {source.temperature:g}, seed {seed})"
        )
        return _Source(tokens, drawn)
    documents, origin = _documents(source)
    stream = tokens = _packed(documents, tokenizer, context, origin)
    if isinstance(source, DocumentationText) and source.sequences is not None:
        chosen = torch.randperm(len(stream), generator=torch.Generator().manual_seed(seed))[: source.sequences]
        tokens = stream[chosen]
    return _Source(tokens, origin, stream)


def _documents(source: FileText | DatasetText | DocumentationText) -> tuple[Iterable[str], str]:
    if isinstance(source, DocumentationText):
        return paragraphs(source.packages), f"docstrings of {', '.join(source.packages)}"
    if isinstance(source, FileText):
        return file_documents(source), f"file {source.path}"
    return dataset_documents(source), f"data set {source.name}, {source.split}"


def _held_out(row: Int[Tensor, " pos"], share: float) -> bool:
    digest = hashlib.sha256(row.numpy().tobytes()).digest()
    return int.from_bytes(digest[:8], "little") < share * 2**64


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
