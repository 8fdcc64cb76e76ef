"""Where a model is put."""

from __future__ import annotations

import pytest
import torch

from interp.errors import UserError
from interp.models.load import device_of


def test_a_gpu_is_named_by_its_number_where_there_are_several(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [device_of(one) for one in ("auto", "cuda", "cuda:1", "cpu")] == ["cuda", "cuda", "cuda:1", "cpu"]
    with pytest.raises(UserError, match="model.device is cuda:2, but torch finds only cuda:0 to cuda:1"):
        device_of("cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="model.device is cuda:1, but torch finds no CUDA device"):
        device_of("cuda:1")
