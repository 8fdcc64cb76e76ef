"""A training run of ten steps on a tiny random model."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from rich.console import Console

from interp.runs.kinds import load_any

QUIET = Console(quiet=True)
STAGES = [{"target": 2.0, "steps": 6}, {"target": 1.0, "steps": 4}]


def config(folder: Path, model: Path, **training):
    settings = {
        "study": "sparsify",
        "name": "tiny",
        "model": {"source": "directory", "path": str(model)},
        "text": {"of": {"source": "sampled", "sequences": 40}, "context": 12, "lengths": [6, 12, 24]},
        "untrained": {"score": [2, 0, -2], "weight": [5.5, 4, 3], "sequences": 2},
        "training": {
            **{"stages": STAGES, "batch": 2, "precision": "float32", "learning_rate": 0.01, "warmup": 2},
            **{"evaluate_every": 3, "checkpoint_every": 2, "adapter": {"kind": "lora", "rank": 2, "alpha": 4.0}},
            **training,
        },
        "export": str(folder / "exported"),
        "output": {"root": str(folder / "runs")},
    }
    path = folder / "tiny.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


def run(path: Path, *overrides: str) -> Path:
    kind, loaded = load_any(path, overrides)
    return kind.run(loaded, QUIET).parent


def log(run_folder: Path) -> pd.DataFrame:
    return pd.read_csv(run_folder / "log.csv")
