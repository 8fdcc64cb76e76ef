"""Sweeps of every kind of run, on tiny models: planned, carried out in this process, collected."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from ruamel.yaml import YAML

from interp.sweep.collect import collect_store
from interp.sweep.expand import expand
from interp.sweep.plan import plan
from interp.sweep.status import status
from interp.sweep.store import Store
from interp.sweep.worker import work
from tests.runs.sparsify.tiny import config as sparsify_yaml
from tests.runs.toy.test_addition import settings as toy_yaml
from tests.tiny_models import write_random_twin

QUIET = Console(quiet=True)


def swept(path: Path, grid: dict) -> Path:
    """The YAML of a run as that of a sweep."""
    data = YAML(typ="safe").load(path) | {"sweep": {"grid": grid}}
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def carried_out(path: Path) -> pd.DataFrame:
    """The long table of a sweep, once it is planned, done and collected."""
    planned = plan(path, [], QUIET)
    assert {one["status"] for one in planned["points"]} == {"waiting"}
    store = Store.prepare(expand(path))
    work(store, store.entries, "first", QUIET)
    found = status(path, [], QUIET)
    assert found["counts"] == {"finished": len(store.entries)}, found
    collect_store(store, QUIET)
    table = pd.read_parquet(store.path / "results.parquet")
    assert pd.read_csv(store.path / "points.csv")["status"].eq("finished").all()
    assert set(table["point"]) == {one.name for one in store.entries}
    told = (store.path / "report.md").read_text(encoding="utf-8")
    assert all(f"| {one.name} |" in told for one in store.entries)
    assert list((store.path / "figures").glob("*.png"))
    return table.set_index(["point", "quantity"])


def test_a_sweep_of_comparisons_has_ratios_and_paired_differences(tmp_path, tiny_llama):
    twin = write_random_twin(tmp_path / "twin", tiny_llama)
    model = {"source": "directory", "path": str(tiny_llama)}
    settings = {
        "study": "comparison",
        "name": "both",
        "models": {"dense": model, "sparse": model | {"sparse": {"checkpoint": str(twin)}}},
        "prompts": {
            "keep": "all",
            "min_gap": 0.0001,
            "task": {"kind": "antonyms", "max_pairs": 12, "templates": ['The opposite of "{word}" is "']},
        },
        "statistics": {"n_resamples": 100},
        "probes": [{"kind": "head_ablation", "prompts": "focus"}],
        "output": {"root": str(tmp_path / "runs")},
    }
    path = tmp_path / "both.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    table = carried_out(swept(path, {"seed": [3]}))
    folder = next((tmp_path / "runs/both/points/seed3").iterdir())
    pair = json.loads((folder / "comparison.json").read_text())["pairs"][0]
    told, row = pair["means"]["gap"]["difference"], table.loc[("seed3", "dense-sparse.means.gap.difference")]
    assert (row["value"], row["low"], row["high"]) == (told["mean"], told["low"], told["high"])
    accuracy = pair["ability"]["accuracy"]["second"]["mean"]
    assert table.loc[("seed3", "dense-sparse.ability.accuracy.second"), "value"] == accuracy
    # Nobody asked for reports of single runs.
    assert not list(folder.rglob("*.png"))


def test_a_sweep_of_sparse_trainings_has_loss_and_density(tmp_path, tiny_llama):
    stages = {
        "short": {"training.stages": [{"target": 2.0, "steps": 2}]},
        "long": {"training.stages": [{"target": 2.0, "steps": 4}]},
    }
    path = sparsify_yaml(tmp_path, tiny_llama, evaluate_every=2)
    table = carried_out(swept(path, {"length": stages}))
    frontier = pd.read_csv(next((tmp_path / "runs/tiny/points/long").iterdir()) / "frontier.csv").iloc[-1]
    loss = table.loc[("long", "trained.above_dense")]
    assert (loss["value"], loss["low"], loss["high"], loss["n"]) == pytest.approx(
        (frontier["above_dense"], frontier["above_low"], frontier["above_high"], frontier["sequences"])
    )
    assert table.loc[("short", "trained.density"), "value"] != table.loc[("long", "trained.density"), "value"]


def test_a_sweep_of_toys_has_accuracies(tmp_path, monkeypatch):
    monkeypatch.setattr("interp.runs.toy.run._learn", lambda *_: None)
    path = toy_yaml(tmp_path)
    table = carried_out(swept(path, {"seed": [0, 1]}))
    folder = next((tmp_path / "runs/toy_addition/points/seed1").iterdir())
    right = pd.read_csv(folder / "accuracy.csv").groupby("model")["right"]
    for name in ("dense", "sparse"):
        row = table.loc[("seed1", f"{name}.accuracy")]
        assert (row["value"], row["n"]) == (right.mean()[name], right.size()[name])
        assert row["low"] <= row["value"] <= row["high"]
        assert 0 < table.loc[("seed1", f"{name}.density"), "value"] <= 1
