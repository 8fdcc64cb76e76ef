"""Checkpoints of training: what is read back is what was written, and what is damaged is passed over in one sentence."""

from __future__ import annotations

import pytest
import torch

from interp.errors import UserError
from interp.sparsify.checkpoint import Checkpoints, TrainingState

MADE_FROM = {"the weights": "a" * 64}


def training(steps: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    """A small model after some steps of AdamW, the same for the same number."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1, betas=(0.9, 0.99), weight_decay=0.0)
    step(model, optimiser, range(steps))
    return model, optimiser


def step(model: torch.nn.Module, optimiser: torch.optim.Optimizer, numbers: range) -> None:
    for number in numbers:
        optimiser.zero_grad()
        model(torch.full((1, 3), float(number))).square().sum().backward()
        optimiser.step()


def saved(folder, steps=(2, 4)) -> None:
    for number in steps:
        Checkpoints(folder, MADE_FROM).save(
            *training(number), TrainingState(number, {"multiplier": 0.1}, [{"step": number, "loss": 1 / 3}])
        )


def test_training_goes_on_exactly_as_if_it_had_not_stopped(tmp_path):
    saved(tmp_path)
    model, optimiser = training(0)
    state = Checkpoints(tmp_path, MADE_FROM).restore(model, optimiser)
    assert state == TrainingState(4, {"multiplier": 0.1}, [{"step": 4, "loss": 1 / 3}])
    step(model, optimiser, range(4, 7))
    straight, _ = training(7)
    assert all(
        torch.equal(ours, theirs) for ours, theirs in zip(model.parameters(), straight.parameters(), strict=True)
    )


def test_no_file_of_a_checkpoint_is_a_pickle(tmp_path):
    saved(tmp_path)
    names = {file.name for file in (tmp_path / "step-0000004").iterdir()}
    assert names == {"weights.safetensors", "optimiser.safetensors", "state.json"}


def cut(file):
    file.write_bytes(file.read_bytes()[:-7])


def turned(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("name", ["weights.safetensors", "optimiser.safetensors", "state.json"])
@pytest.mark.parametrize("damage", [cut, turned, lambda file: file.write_bytes(b""), lambda file: file.unlink()])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_taken(tmp_path, name, damage):
    saved(tmp_path)
    damage(tmp_path / "step-0000004" / name)
    said: list[str] = []
    model, optimiser = training(0)
    state = Checkpoints(tmp_path, MADE_FROM, said.append).restore(model, optimiser)
    assert state is not None
    assert state.step == 2
    (sentence,) = said
    assert f"step-0000004/{name}" in sentence
    assert "goes on from what was kept before it" in sentence
    step(model, optimiser, range(2, 4))
    straight, _ = training(4)
    assert all(
        torch.equal(ours, theirs) for ours, theirs in zip(model.parameters(), straight.parameters(), strict=True)
    )


def test_where_all_are_damaged_training_begins_anew_and_says_so(tmp_path):
    saved(tmp_path)
    for number in (2, 4):
        cut(tmp_path / f"step-000000{number}" / "optimiser.safetensors")
    said: list[str] = []
    assert Checkpoints(tmp_path, MADE_FROM, said.append).restore(*training(0)) is None
    assert len(said) == 2


def test_a_checkpoint_of_other_weights_is_refused(tmp_path):
    saved(tmp_path)
    with pytest.raises(
        UserError, match=r"step-0000004 was made from something else \(the weights: aaaaaaaaaa then, bb"
    ):
        Checkpoints(tmp_path, {"the weights": "b" * 64}).restore(*training(0))


def test_a_weight_that_is_not_finite_keeps_the_last_good_checkpoint(tmp_path):
    saved(tmp_path, steps=(2,))
    model, optimiser = training(4)
    with torch.no_grad():
        next(model.parameters())[0, 0] = float("nan")
    with pytest.raises(
        UserError, match="a weight is NaN or infinite; the last good checkpoint, .*step-0000002, is kept"
    ):
        Checkpoints(tmp_path, MADE_FROM).save(model, optimiser, TrainingState(4, {}, []))
    assert Checkpoints(tmp_path).last() == tmp_path / "step-0000002"
