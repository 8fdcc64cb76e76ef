"""From a YAML to points: names, hashes, and every mistake at once. No model is loaded."""

from __future__ import annotations

import pytest

from interp.errors import Mistakes, UserError
from interp.sweep.expand import expand

YAML = """
name: study
title: Heads
model: {source: pypi, name: smollm2-135m-instruct}
prompts: {task: {kind: antonyms}}
probes: [{kind: key_query_heads}]
sweep:
"""


def points_of(folder, section, base=YAML):
    path = folder / "study.yaml"
    path.write_text(base + section)
    return expand(path).points


def test_a_grid_is_every_combination_each_a_whole_config(tmp_path):
    points = points_of(
        tmp_path,
        """
  grid:
    seed: [0, 7]
    wording:
      short: {prompts.task.max_pairs: 12, statistics.n_resamples: 500}
      long: {prompts.task.max_pairs: 20}
""",
    )
    assert [one.name for one in points] == ["seed0-short", "seed0-long", "seed7-short", "seed7-long"]
    assert [one.labels for one in points][2] == {"seed": "7", "wording": "short"}
    third = points[2].given
    assert (third["seed"], third["prompts"]["task"]["max_pairs"], third["statistics"]["n_resamples"]) == (7, 12, 500)
    assert "statistics" not in points[1].given
    assert third["output"]["root"] == "runs/study/points"
    assert len({one.hash for one in points}) == 4
    assert len({one.group for one in points}) == 1  # one model


def test_points_of_their_own_stand_beside_the_grid_and_a_grown_sweep_keeps_its_hashes(tmp_path):
    first = points_of(tmp_path, "  grid: {seed: [0, 1]}\n")
    grown = points_of(tmp_path, "  grid: {seed: [0, 1, 2]}\n  points:\n    half: {model.dtype: bfloat16, seed: 5}\n")
    assert [one.hash for one in grown[:2]] == [one.hash for one in first]
    assert (grown[-1].name, grown[-1].given["model"]["dtype"]) == ("half", "bfloat16")
    assert grown[-1].group != grown[0].group


def test_a_value_may_be_named_where_it_is_no_word(tmp_path):
    section = "  grid: {probes: {few: [{kind: head_ablation}], many: [{kind: head_ablation}, {kind: logit_lens}]}}\n"
    assert [one.name for one in points_of(tmp_path, section)] == ["few", "many"]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("  grid: {}\n", "grid and points are empty"),
        ("  grid: {seed: []}\n", "the axis 'seed' has no levels"),
        ("  grid: {sed: [0, 1]}\n", "there is no field 'sed' (did you mean 'seed'?)"),
        ("  grid: {prompts.tsk: [1, 2]}\n", "all points: prompts.tsk: unknown key; did you mean 'task'?"),
        ("  grid: {seed: [3, 3]}\n", "are the same run"),
        ("  grid: {title: [a, b]}\n", "are the same run"),
        ("  grid: {name: [a, b]}\n", "name: is the same for all points of a sweep"),
        ("  grid: {seed: [0, 1]}\n  repeats: [wording]\n", "sweep.repeats: there is no axis 'wording'"),
        ("  grid: {seed: [0, 1]}\n  reference: {axis: seed, level: '9'}\n", "'seed' has no level '9'"),
        ("  grid: {seed: [0, 1]}\n  executor: {kind: pbs}\n", "sweep.executor.kind: there is no 'pbs'"),
        ("  gird: {seed: [0, 1]}\n", "sweep.gird: unknown key; did you mean 'grid'?"),
        ("  grid: {seed: 3}\n", "sweep.grid.seed"),
        ("  points: [{}]\n", "sets no field"),
    ],
)
def test_what_is_no_sweep_is_one_sentence(tmp_path, section, said):
    with pytest.raises(UserError) as refused:
        points_of(tmp_path, section)
    assert said in str(refused.value)


def test_all_invalid_points_are_named_at_once(tmp_path):
    section = "  grid: {seed: [0, -1, 2], share.target: [0.8, 7]}\n"
    with pytest.raises(Mistakes) as refused:
        points_of(tmp_path, section)
    told = refused.value.clauses
    assert len(told) == 2
    assert any("seed-1-target0_8" in one and "seed" in one for one in told)
    assert any("seed0-target7" in one and "share.target" in one for one in told)
    assert len(points_of(tmp_path, section.replace("-1", "1").replace("7", "0.7"))) == 6


def test_a_yaml_without_a_sweep_is_told_so(tmp_path):
    with pytest.raises(UserError, match="no `sweep` section"):
        points_of(tmp_path, "", YAML.replace("sweep:\n", ""))
