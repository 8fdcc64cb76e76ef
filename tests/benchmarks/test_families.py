"""The benchmark over families has every family, and times nothing that is wrong."""

from __future__ import annotations

import pytest
import torch

from benchmarks import families
from interp.models.families import BY_TYPE
from interp.models.lens import has_hooked_transformer


def test_every_family_is_timed():
    assert {kind for kind, _ in families.CONFIGS.values()} == set(BY_TYPE)


@pytest.mark.skipif(not has_hooked_transformer(), reason="the benchmark is measured on TransformerLens 3.9")
def test_wrong_numbers_are_not_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(families, "PROMPTS", 1)
    monkeypatch.setattr(families, "LENGTH", 8)
    found = families.run(tmp_path, lambda: None, names=["gpt2"], rounds=1)
    assert (tmp_path / "families.csv").is_file()
    assert found["of_llama"][0] > 0
    right = families.Task.effects

    def wrong(self, by_hooks=False):
        return right(self, by_hooks) + torch.tensor(float(by_hooks))

    monkeypatch.setattr(families.Task, "effects", wrong)
    with pytest.raises(RuntimeError, match="differ from the model's own"):
        families.run(tmp_path, lambda: None, names=["gpt2"], rounds=1)
