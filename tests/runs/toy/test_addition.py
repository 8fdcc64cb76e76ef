"""The toy: its data, and a whole run with a model far too small to add."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from rich.console import Console
from ruamel.yaml import YAML

import interp
from interp.errors import UserError
from interp.runs.kinds import load_any
from interp.runs.lifecycle import tables_only
from interp.runs.toy import run as toy
from interp.runs.toy.addition import all_sums, carries, decode, encode, exact, text
from interp.runs.toy.publish import KEPT
from interp.sparsify.checkpoint import Checkpoints

CONFIG = Path(__file__).parents[3] / "configs" / "toy_addition.yaml"


def test_a_sum_is_written_digit_by_digit():
    assert text(36, 28) == "36+28=00064"
    assert decode(encode(["07+95=00102"])[0]) == "07+95=00102"


@pytest.mark.parametrize(("a", "b", "count"), [(21, 34, 0), (36, 28, 1), (57, 68, 2), (50, 60, 1), (95, 5, 2)])
def test_carries(a, b, count):
    assert carries(a, b) == count


def test_test_sums_are_a_tenth_and_never_trained_on():
    sums = all_sums()
    assert len(sums.train) + len(sums.test) == 10_000
    assert 900 < len(sums.test) < 1200
    assert not {*map(tuple, sums.train.tolist())} & {*map(tuple, sums.test.tolist())}


def test_exact_match_wants_every_digit():
    tokens = encode(["36+28=00064", "36+28=00064"])
    predicted = torch.cat([tokens[:, 1:], tokens[:, :1]], dim=1)
    predicted[1, 9] = 0
    assert exact(predicted[:, :10], tokens).tolist() == [True, False]


def settings(folder: Path, **dense) -> Path:
    config = YAML(typ="safe").load(CONFIG)
    config["model"] = {"layers": 2, "heads": 2, "width": 16}
    config["dense"] = {"steps": 10, "batch": 32, "accuracy": 0.000001, "check_every": 5} | dense
    config["sparse"] |= {
        "stages": [{"target": 1.0, "steps": 6}],
        "batch": 8,
        "evaluate_every": 3,
        "checkpoint_every": 3,
    }
    path = folder / "toy.yaml"
    path.write_text(json.dumps(config | {"output": {"root": str(folder / "runs")}}), encoding="utf-8")
    return path


@pytest.mark.parametrize("check_every", [5, 7, 100])
def test_a_dense_model_that_does_not_learn_is_said_so(tmp_path, check_every):
    """However seldom it is asked, it is asked at the end."""
    kind, loaded = load_any(settings(tmp_path, accuracy=1.0, check_every=check_every))
    with pytest.raises(UserError, match=r"after 10 steps .* of the test sums are right, not 100.0%"):
        kind.run(loaded, Console(quiet=True))


LEARNS = {"steps": 200, "batch": 64, "learning_rate": 0.01, "check_every": 10}
"""Some test sums are right after a few steps."""


class Killed(BaseException):
    """What no code of ours catches, as it cannot catch a kill."""


def killed_at(count: int, call):
    """`call`, until it is called the `count`-th time."""
    calls = []

    def dying(*arguments, **settings):
        calls.append(arguments)
        if len(calls) == count:
            raise Killed
        return call(*arguments, **settings)

    return dying


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nobody disturbed."""
    kind, loaded = load_any(settings(tmp_path_factory.mktemp("toy"), **LEARNS))
    return kind.run(loaded, Console(quiet=True)).parent


def test_a_whole_run(whole):
    accuracy = pd.read_csv(whole / "accuracy.csv")
    assert accuracy.groupby("model").size().nunique() == 1
    attention = pd.read_csv(whole / "attention.csv")
    assert len(attention) == 2 * 3 * 2 * 2 * 55
    dense = attention[attention["model"] == "dense"]
    sums = dense.groupby(["sum", "layer", "head", "query"])["weight"].sum()
    assert sums.between(0.999, 1.001).all()
    density = json.loads((whole / "density.json").read_text(encoding="utf-8"))
    assert 0 < density["sparse"]["density"] < 1
    assert "of the causal attention edges open" in (whole / "report.md").read_text(encoding="utf-8")
    assert (whole / "figures" / "attention_by_example.pdf").is_file()


def test_a_notebook_reads_its_tables(whole):
    run = interp.read(whole)
    assert set(run.tables) == set(KEPT.tables)
    assert len(run.tables["accuracy.csv"]) == 2 * len(all_sums().test)
    assert run.tables["density.json"]["dense"]["density"] == 1.0
    assert "(toy_addition)" in repr(run)


def test_killed_and_taken_up_again_the_tables_are_the_same_to_the_byte(whole, tmp_path, monkeypatch):
    """Killed while it learns to add, at two checkpoints of the sparse training, and while the tables are written."""
    kind, loaded = load_any(settings(tmp_path, **LEARNS))
    for place, name, count in (
        (toy, "_save", 1),
        (Checkpoints, "save", 1),
        (Checkpoints, "save", 2),
        (toy, "_density", 2),
    ):
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(place, name, killed_at(count, getattr(place, name)))
            kind.run(loaded, Console(quiet=True))
    with tables_only():
        folder = kind.run(loaded, Console(quiet=True)).parent
    for name in KEPT.tables:
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name


def test_examples_are_sums_of_two_digit_numbers(tmp_path):
    with pytest.raises(UserError, match="'3\\+4' is no sum of two two-digit numbers"):
        load_any(settings(tmp_path), ["examples=[3+4]"])
