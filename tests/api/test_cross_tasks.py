"""The example of the cross-task matrix."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

import interp
from tests.causal.planted import KEY, QUERY, Plant, planted_model, planted_prompts

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "cross_tasks.py"
OTHER = 4  # the position that the second task reads


def study_at(model, position):
    """A task of copying the token at a position, as ids."""
    prompts = planted_prompts(14)
    clean = prompts.clean.clone()
    corrupted = clean.clone()
    corrupted[:, position - 1] = (clean[:, position - 1] + 1) % 9
    return interp.study(
        model,
        clean.tolist(),
        corrupted.tolist(),
        clean[:, position - 1].tolist(),
        corrupted[:, position - 1].tolist(),
        key=position,
        query=QUERY,
        keep="all",
    )


def test_a_head_of_one_task_explains_it_and_no_other(tmp_path):
    torch.manual_seed(0)
    model = planted_model(Plant(0, 1, gain=3.0), Plant(1, 2, gain=3.0, key=OTHER))
    example = runpy.run_path(str(EXAMPLE))
    found = example["matrix"]({"near": study_at(model, OTHER), "far": study_at(model, KEY)}, 1)
    shares = found.set_index(["circuit", "task"])["share"].to_dict()
    assert shares["near", "near"] == pytest.approx(1.0, abs=1e-3)
    assert shares["far", "far"] == pytest.approx(1.0, abs=1e-3)
    assert shares["near", "far"] == pytest.approx(0.0, abs=1e-3)
    assert shares["far", "near"] == pytest.approx(0.0, abs=1e-3)
    assert all(0 <= shares["random", task] < 0.6 for task in ("near", "far"))
    example["draw"](found, str(tmp_path / "matrix.png"))
    assert (tmp_path / "matrix.png").stat().st_size > 5_000
