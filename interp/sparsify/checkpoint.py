"""Checkpoints to go on from: trained weights, optimiser and log, in a folder that is whole or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from interp.errors import UserError
from interp.results import atomic, reading, sealed
from interp.results.parts import must_agree

KEPT = 2
BUILDING = ".building"
FILES = ("weights.safetensors", "optimiser.pt")


@dataclass(frozen=True)
class TrainingState:
    """Steps done, the multiplier's state, and the log so far."""

    step: int
    geco: dict[str, Any]
    rows: list[dict[str, Any]]


class Checkpoints:
    """The checkpoints of one run, the newest two of them. `made_from` says, in words, what training depends on."""

    def __init__(self, folder: Path, made_from: Mapping[str, str] | None = None) -> None:
        self._folder, self._made_from = folder, dict(made_from or {})

    def last(self) -> Path | None:
        """The newest whole checkpoint."""
        found = sorted(self._folder.glob("step-*[0-9]"))
        return found[-1] if found else None

    def save(self, model: Any, optimiser: Any, state: TrainingState) -> None:
        """Write a checkpoint; UserError when the disk is full or a weight is not finite."""
        weights = trained(model)
        if not all(bool(torch.isfinite(tensor).all()) for tensor in weights.values()):
            raise UserError(f"training stopped at step {state.step}: a weight is NaN or infinite; the last good "
                            f"checkpoint, {self.last()}, is kept; try a smaller training.learning_rate")  # fmt: skip
        target = self._folder / f"step-{state.step:07d}"
        building = target.with_name(target.name + BUILDING)
        with atomic.mendable(self._folder):
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir(parents=True)
            try:
                save_file(weights, building / "weights.safetensors")
                torch.save(optimiser.state_dict(), building / "optimiser.pt")
                files = {name: sealed.digest_of_file(building / name) for name in FILES}
                sealed.write(building / "state.json", {**vars(state), "made_from": self._made_from, "files": files})
            except (
                SafetensorError,
                RuntimeError,
                OSError,
            ) as error:  # a full disk has many names
                shutil.rmtree(building, ignore_errors=True)
                raise OSError(str(error)) from error
            shutil.rmtree(target, ignore_errors=True)
            os.replace(building, target)
        for old in sorted(self._folder.glob("step-*[0-9]"))[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        for leftover in self._folder.glob(f"step-*{BUILDING}"):
            shutil.rmtree(leftover, ignore_errors=True)

    def restore(self, model: Any, optimiser: Any) -> TrainingState | None:
        """Put the newest whole checkpoint into model and optimiser; None when there is none.

        UserError when it was made from something else: other weights, text, settings or code.
        """
        for folder in sorted(self._folder.glob("step-*[0-9]"), reverse=True):
            try:
                kept = sealed.read(folder / "state.json")
            except reading.Damaged:
                continue
            made_from, files = kept.pop("made_from", {}), kept.pop("files", {})
            if any(sealed.digest_of_file(folder / name) != digest for name, digest in files.items()):
                continue
            must_agree(f"{folder}", made_from, self._made_from)
            weights = load_file(folder / "weights.safetensors")
            for name, parameter in model.named_parameters():
                if parameter.requires_grad:
                    parameter.data.copy_(weights[name])
            optimiser.load_state_dict(torch.load(folder / "optimiser.pt", weights_only=True))
            return TrainingState(**kept)
        return None


def trained(model: Any) -> dict[str, torch.Tensor]:
    """The weights that training changes, by name."""
    return {
        name: parameter.detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
