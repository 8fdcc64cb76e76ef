"""Libraries that talk too much, silenced one by one while a model is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No progress bars of transformers (they tear ours), and of its log only errors."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def gguf_bar(console: Console, what: str) -> Iterator[None]:
    """Our bar over the tensors of a GGUF file in place of the one that transformers draws and offers no switch for."""
    from transformers import modeling_gguf_pytorch_utils as reader

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("tensors"))
    theirs = reader.tqdm
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(what, total=None)

        def ours(tensors: Any, **_: Any) -> Iterator[Any]:
            progress.update(task, total=len(tensors))
            for tensor in tensors:
                yield tensor
                progress.advance(task)

        reader.tqdm = ours
        try:
            yield
        finally:
            reader.tqdm = theirs
