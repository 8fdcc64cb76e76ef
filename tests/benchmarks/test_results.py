"""The page of a benchmark says on what it was measured, with or without a GPU."""

from __future__ import annotations

import pytest
import torch

from benchmarks.results import machine


@pytest.mark.parametrize("there", [False, True])
def test_the_machine_is_named_with_its_gpu_where_it_has_one(monkeypatch, there):
    if not there:
        monkeypatch.setattr(torch.cuda, "get_device_name", None)  # a build without CUDA raises
    else:
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA X")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    words = machine("python -m benchmarks")
    assert ("`python -m benchmarks`: NVIDIA X, " in words) is there
    assert " cores, " in words
