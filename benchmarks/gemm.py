"""What the machine's cores can do: the rate of matrix products of a model's own shapes."""

from __future__ import annotations

import time
from statistics import median

import torch
from torch.nn.functional import linear

from benchmarks.floor import Shape

ROWS = {"cpu": 2048, "cuda": 32768}  # enough rows that reading the weights does not matter, nor starting a kernel


def finished(device: str) -> None:
    """Return when a device has done what it was given; a GPU is only handed its work."""
    if device != "cpu":
        torch.cuda.synchronize(device)


@torch.inference_mode()
def matrix_rate(shape: Shape, repeats: int = 2, device: str = "cpu") -> float:
    """Floating-point operations a second over the matrices of one block, with torch's current number of threads."""
    heads, kv = shape.n_heads * shape.d_head, shape.n_kv_heads * shape.d_head
    up = [(shape.d_model, shape.d_mlp)] * (2 if shape.gated else 1)
    sizes = [(shape.d_model, heads), (shape.d_model, kv), (shape.d_model, kv), (heads, shape.d_model), *up]
    sizes.append((shape.d_mlp, shape.d_model))
    rows = ROWS[device]
    products = [
        (torch.randn(rows, inner, device=device), torch.randn(outer, inner, device=device)) for inner, outer in sizes
    ]
    seconds = []
    for turn in range(repeats + 1):
        begin = time.perf_counter()
        for x, weight in products:
            linear(x, weight)
        finished(device)
        if turn:  # the first only warms up
            seconds.append(time.perf_counter() - begin)
    return shape.block * rows / median(seconds)
