"""Prompt sets measured side by side, each in a thread of its own.

Many products of a search are too small for torch to share out among its threads, and what stands between them is not shared
out at all. Prompts of several wordings are measured apart anyway; on two cores two of them at a time, each with one
of torch's threads, take two thirds of the time. Torch leaves Python's lock while it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event
from typing import Any, TypeVar

import torch

MOST = 4
"""Lanes at most: they share the tokens of a sweep, and products of few tokens do not pay."""

T = TypeVar("T")
R = TypeVar("R")
GoOn = Callable[[], None]
"""Called now and then by what runs in a lane; it raises Stopped when nobody waits for it any more."""


class Stopped(Exception):
    """Another lane failed, or the user interrupted."""


def lanes_for(sizes: Sequence[int], device: Any = "cpu") -> int:
    """How many lanes pay for pieces of work of these sizes: none may wait long for the largest piece.

    One on a GPU, which shares out its work itself, and where torch's threads cannot be told anew how many they are.
    """
    if not sizes or torch.device(device).type != "cpu" or not torch._C.has_openmp:
        return 1
    return max(1, min(torch.get_num_threads(), MOST, sum(sizes) // max(sizes)))


def side_by_side(work: Callable[[T, GoOn], R], pieces: Sequence[T], lanes: int) -> list[R]:
    """What `work` makes of every piece, in their order; the first piece that failed raises what it raised."""
    if lanes == 1:
        return [work(piece, lambda: None) for piece in pieces]
    threads = torch.get_num_threads()
    stop = Event()

    def go_on() -> None:
        if stop.is_set():
            raise Stopped

    pool = ThreadPoolExecutor(lanes, thread_name_prefix="lane")
    torch.set_num_threads(max(1, threads // lanes))  # a new thread takes this over
    try:
        made = [pool.submit(work, piece, go_on) for piece in pieces]
        wait(made, return_when=FIRST_EXCEPTION)
        failed = [error for one in made if one.done() and (error := one.exception()) is not None]
        if failed:
            raise failed[0]
        return [one.result() for one in made]
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
