"""Two runs side by side: where configs differ, by path; numbers with intervals; heads in both and in one."""

from __future__ import annotations

import copy
import json

import pytest
from typer.testing import CliRunner

from interp.cli.commands import app
from interp.errors import UserError
from interp.results import sealed
from interp.results.run_folder import config_hash
from interp.shelf.compare import compare, differences

CONFIG = {
    "name": "small",
    "study": "circuit",
    "seed": 1,
    "prompts": {"task": {"kind": "antonyms", "max_pairs": 12}},
    "probes": [{"kind": "key_query_heads", "name": None, "random_sets": 20}, {"kind": "logit_lens", "name": None}],
    "output": {"root": "runs"},
}
FOUND = {
    "run": {"n_prompts": 12, "clean": {"mean": 3.0, "low": 2.5, "high": 3.5, "n": 12}},
    "probes": {
        "key_query_heads": {
            "kind": "key_query_heads",
            "definition": "joint",
            "target": 0.8,
            "shares": {"joint": {"n": 2, "n_low": 1, "n_high": 3, "heads": [{"label": "L1-H0"}, {"label": "L2-H3"}]}},
        },
        "logit_lens": {"kind": "logit_lens"},
    },
}


def write(to, config=lambda data: None, found=lambda data: None, status="finished"):
    """The folder of a run: its config and its conclusions, changed by two functions."""
    to.mkdir(parents=True)
    resolved, concluded = copy.deepcopy(CONFIG), copy.deepcopy(FOUND)
    config(resolved)
    found(concluded)
    (to / "config.resolved.yaml").write_text(json.dumps(resolved), encoding="utf-8")
    (to / "metrics.json").write_text(json.dumps(concluded), encoding="utf-8")
    said = {"status": status, "config_hash": config_hash(resolved), "seconds": 12.0, "versions": {"torch": "2.0"}}
    sealed.write(to / "manifest.json", {**said, "code": {"the code of interp": "ab" * 32}})
    return to


@pytest.fixture
def one(tmp_path):
    return write(tmp_path / "one")


@pytest.fixture
def other(tmp_path):
    def config(data):
        data["seed"] = 7
        data["prompts"]["task"]["max_pairs"] = 10
        data["probes"].reverse()  # another order is no difference
        data["probes"][1]["random_sets"] = 5
        data["output"] = {"root": "elsewhere"}

    def found(data):
        data["run"]["clean"].update(mean=100.5, low=99.5, high=101.5)
        data["probes"]["key_query_heads"]["shares"]["joint"]["heads"][0]["label"] = "L9-H9"

    return write(tmp_path / "other", config, found)


def test_configs_differ_by_path_and_numbers_stand_side_by_side(one, other):
    found = compare(one, other)
    assert {path: both for path, *both in found.config} == {
        "seed": [1, 7],
        "prompts.task.max_pairs": [12, 10],
        "probes.key_query_heads.random_sets": [20, 5],
    }
    numbers = {number.name: number for number in found.numbers}
    assert set(numbers) == {"run.n_prompts", "run.clean", "key_query_heads.shares.joint.n", "key_query_heads.target"}
    clean = numbers.pop("run.clean")
    assert clean.apart
    assert (clean.first.value, clean.second.value, clean.second.low, clean.second.high) == (3.0, 100.5, 99.5, 101.5)
    assert not any(number.differs or number.apart for number in numbers.values())
    (heads,) = found.heads
    assert (heads.both, heads.first, heads.second) == (["L2-H3"], ["L1-H0"], ["L9-H9"])


def test_a_run_beside_itself_differs_in_nothing(one):
    found = compare(one, one)
    assert found.config == found.software == []
    assert not any(number.differs for number in found.numbers)
    (heads,) = found.heads
    assert heads.first == heads.second == []


def test_terminal_and_json_tell_it(one, other):
    arguments = ["compare", str(one), str(other)]
    shown = CliRunner().invoke(app, arguments, env={"COLUMNS": "160"})
    assert shown.exit_code == 0, shown.output
    for words in (
        "probes.key_query_heads.random_sets",
        "100.5 [99.5, 101.5]",
        "apart",
        "2 [1, 3]",
        "only in the second (1): L9-H9",
    ):
        assert words in shown.output
    told = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    assert {"field": "seed", "first": 1, "second": 7} in told["config"]
    assert told["heads"][0]["second"] == ["L9-H9"]


def test_what_is_no_finished_run_is_a_sentence(one, tmp_path):
    with pytest.raises(UserError, match=r"is not a finished run \(its status is 'interrupted'\)"):
        compare(one, write(tmp_path / "cut", status="interrupted"))
    with pytest.raises(UserError, match="holds 2 runs, say which: cut, one"):
        compare(one, tmp_path)
    with pytest.raises(UserError, match="is no run folder"):
        compare(one, tmp_path / "nowhere")
    (tmp_path / "config.resolved.yaml").write_text("sweep: {}\n", encoding="utf-8")
    with pytest.raises(UserError, match="is the folder of a sweep"):
        compare(tmp_path, one)
    damaged = write(tmp_path / "damaged")
    (damaged / "metrics.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"metrics\.json cannot be read"):
        compare(one, damaged)


def test_lists_go_by_name_where_all_entries_have_one():
    one = {"probes": [{"kind": "a", "x": 1}, {"kind": "a", "name": "b", "x": 2}], "sites": ["z", "q"]}
    two = {"probes": [{"kind": "a", "name": "b", "x": 3}, {"kind": "a", "x": 1}, {"kind": "c"}], "sites": ["z"]}
    assert list(differences(one, two)) == [
        ("probes.b.x", 2, 3),
        ("probes.c", None, {"kind": "c"}),
        ("sites", ["z", "q"], ["z"]),
    ]
    unnamed = {"probes": [{"x": 1}]}
    assert list(differences(unnamed, {"probes": [{"x": 2}]})) == [("probes", [{"x": 1}], [{"x": 2}])]
