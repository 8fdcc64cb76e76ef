"""The mean of two checkpoints: the file that is written holds the mean of what was in the two."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from interp.errors import UserError
from interp.models.adapter import read_adapter
from interp.models.averaging import average
from interp.models.sparse_checkpoint import SparseCheckpoint, read_checkpoint, write_adapter

SETTINGS = {"peft_type": "LORA", "r": 2, "lora_alpha": 2.0, "bias": "none", "target_modules": ["q"]}
ABOUT = SparseCheckpoint(
    bias=4.0,
    base="tiny",
    base_weights_sha256="0" * 64,
    gate="weight",
    head_bias=((1.0, -2.0),),
    first_bias=((0.0, 4.0),),
)


def tensors(seed: int, rank: int = 2) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    drawn = {"A": torch.randn(rank, 6, generator=rng), "B": torch.randn(4, rank, generator=rng)}
    return {f"base_model.model.q.lora_{name}.weight": one.half().float() for name, one in drawn.items()}


@pytest.fixture
def stages(tmp_path):
    folders = tmp_path / "1", tmp_path / "2"
    write_adapter(folders[0], (tensors(0), SETTINGS), ABOUT)
    write_adapter(folders[1], (tensors(1), SETTINGS), replace(ABOUT, head_bias=((3.0, 2.0),), trained={"steps": 9}))
    return folders


def test_tensors_and_biases_are_weighted_means(tmp_path, stages):
    average(tmp_path / "mean", {stages[0]: 0.25, stages[1]: 0.75}, bias=3.5)
    found, about = read_adapter(tmp_path / "mean", "here"), read_checkpoint(tmp_path / "mean", "here")
    for name, one in found.tensors.items():
        torch.testing.assert_close(one.float(), 0.25 * tensors(0)[name] + 0.75 * tensors(1)[name], atol=2e-3, rtol=0)
    assert about.head_bias == ((2.5, 1.0),)
    assert about.first_bias == ((0.0, 4.0),)
    assert (about.bias, about.trained["trained_bias"]) == (3.5, 4.0)
    assert [(one["weight"], one.get("steps")) for one in about.trained["averaged"]] == [(0.25, None), (0.75, 9)]


def test_one_checkpoint_alone_is_itself(tmp_path, stages):
    average(tmp_path / "mean", {stages[1]: 1.0})
    mine, before = (read_adapter(folder, "here").tensors for folder in (tmp_path / "mean", stages[1]))
    assert all(torch.equal(mine[name], before[name]) for name in before)
    assert read_checkpoint(tmp_path / "mean", "here").head_bias == ((3.0, 2.0),)


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("base", {"base_weights_sha256": "1" * 64}),
        ("gate", {"gate": "score"}),
        ("bias", {"bias": 4.5}),
        ("biases of heads", {"head_bias": None}),
        ("biases for the first token", {"first_bias": ((0.0, 1.0, 2.0),)}),
    ],
)
def test_checkpoints_that_do_not_belong_together_are_refused(tmp_path, stages, what, changes):
    write_adapter(tmp_path / "other", (tensors(1), SETTINGS), replace(ABOUT, **changes))
    with pytest.raises(UserError, match=f"differ in their {what}; give stages of one training run"):
        average(tmp_path / "mean", {stages[0]: 0.5, tmp_path / "other": 0.5})
    assert not (tmp_path / "mean").exists()


def test_another_rank_and_weights_that_do_not_sum_to_one_are_refused(tmp_path, stages):
    write_adapter(tmp_path / "other", (tensors(1, rank=3), SETTINGS | {"r": 3, "lora_alpha": 3.0}), ABOUT)
    with pytest.raises(UserError, match="differ in their rank and alpha"):
        average(tmp_path / "mean", {stages[0]: 0.5, tmp_path / "other": 0.5})
    for weights in ({}, {stages[0]: 0.5, stages[1]: 0.6}):
        with pytest.raises(UserError, match="must sum to 1"):
            average(tmp_path / "mean", weights)
