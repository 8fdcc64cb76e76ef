"""Checkpoints to go on from: trained weights, optimiser and log, in a folder that is whole or not there.

Tensors lie in safetensors, all else in JSON, and `state.json` holds a digest of each file: no pickle is written or read,
and what has been changed since it was written is passed over for the checkpoint before it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from interp.errors import UserError
from interp.results import atomic, reading, sealed
from interp.results.parts import must_agree
from interp.sparsify.log import Step

KEPT = 2
BUILDING = ".building"
WEIGHTS, OPTIMISER = FILES = ("weights.safetensors", "optimiser.safetensors")


@dataclass(frozen=True)
class TrainingState:
    """Steps done, the multiplier's state, and the log so far."""

    step: int
    geco: dict[str, Any]
    rows: list[Step]


class Checkpoints:
    """The checkpoints of one run, the newest two of them.

    `made_from` says, in words, what training depends on; `tell` is given a sentence about every damaged checkpoint.
    """

    def __init__(
        self,
        folder: Path,
        made_from: Mapping[str, str] | None = None,
        tell: Callable[[str], object] = lambda said: None,
    ) -> None:
        self._folder, self._made_from, self._tell = folder, dict(made_from or {}), tell

    def last(self) -> Path | None:
        """The newest checkpoint."""
        return next(iter(self._newest_first()), None)

    def _newest_first(self) -> list[Path]:
        return sorted(self._folder.glob("step-*[0-9]"), reverse=True)

    def save(self, model: Any, optimiser: Any, state: TrainingState) -> None:
        """Write a checkpoint; UserError when the disk is full or a weight is not finite."""
        weights = trained(model)
        if not all(bool(torch.isfinite(tensor).all()) for tensor in weights.values()):
            raise UserError(
                f"training stopped at step {state.step}: a weight is NaN or infinite; the last good "
                f"checkpoint, {self.last()}, is kept; try a smaller training.learning_rate"
            )
        target = self._folder / f"step-{state.step:07d}"
        building = target.with_name(target.name + BUILDING)
        with atomic.mendable(self._folder):
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir(parents=True)
            try:
                save_file(weights, building / WEIGHTS)
                save_file(_moments(optimiser), building / OPTIMISER)
                files = {name: sealed.digest_of_file(building / name) for name in FILES}
                sealed.write(building / "state.json", {**vars(state), "made_from": self._made_from, "files": files})
            except (SafetensorError, OSError) as error:  # a full disk has two names
                shutil.rmtree(building, ignore_errors=True)
                raise OSError(str(error)) from error
            shutil.rmtree(target, ignore_errors=True)
            os.replace(building, target)
        for old in self._newest_first()[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
        for leftover in self._folder.glob(f"step-*{BUILDING}"):
            shutil.rmtree(leftover, ignore_errors=True)

    def restore(self, model: Any, optimiser: Any) -> TrainingState | None:
        """Put the newest whole checkpoint into model and optimiser; None when there is none.

        UserError when it was made from something else: other weights, text, settings or code.
        """
        for folder in self._newest_first():
            try:
                kept = _whole(folder)
            except reading.Damaged as error:
                self._tell(f"{error}; training goes on from what was kept before it")
                continue
            must_agree(f"{folder}", kept.pop("made_from"), self._made_from)
            weights = load_file(folder / WEIGHTS)
            for name, parameter in model.named_parameters():
                if parameter.requires_grad:
                    parameter.data.copy_(weights[name])
            _set_moments(optimiser, load_file(folder / OPTIMISER))
            return TrainingState(**kept)
        return None


def _whole(folder: Path) -> dict[str, Any]:
    """The notes of a checkpoint; Damaged when one of its files is not as it was written."""
    kept = sealed.read(folder / "state.json")
    digests = kept.pop("files", {})
    for name in FILES:
        if name not in digests or sealed.digest_of_file(folder / name) != digests[name]:
            raise reading.Damaged(f"{folder / name} is missing, or not as the run wrote it")
    return kept


def _moments(optimiser: Any) -> dict[str, torch.Tensor]:
    """What AdamW remembers of each parameter, as `number.name`; its settings are the config's."""
    return {
        f"{number}.{name}": tensor.detach().cpu().contiguous()
        for number, remembered in optimiser.state_dict()["state"].items()
        for name, tensor in remembered.items()
    }


def _set_moments(optimiser: Any, moments: Mapping[str, torch.Tensor]) -> None:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in moments.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def trained(model: Any) -> dict[str, torch.Tensor]:
    """The weights that training changes, by name."""
    return {
        name: parameter.detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
