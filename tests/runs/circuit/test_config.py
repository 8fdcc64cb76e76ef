"""The YAML: what is refused, with which words, and what overrides do."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp.cli import schema_texts
from interp.errors import UserError
from interp.runs.circuit.config import load
from interp.runs.kinds import load_any

CONFIGS = Path(__file__).parents[3] / "configs"
GOOD = """
name: good
model: {source: pypi}
probes:
  - {kind: head_ablation}
"""


def write(tmp_path, text):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "path", sorted([*CONFIGS.glob("*.yaml"), *CONFIGS.glob("tasks/*.yaml")]), ids=lambda path: path.stem
)
def test_shipped_configs_are_valid_and_named_after_their_file(path):
    assert load_any(path)[1].run.name == path.stem


def test_the_schema_for_editors_is_up_to_date():
    for name, text in schema_texts().items():
        assert (CONFIGS / name).read_text() == text, "run `make schema`"


def test_gpt2_is_the_same_study_but_for_the_model():
    smollm2, gpt2 = (load(CONFIGS / f"antonyms_{name}.yaml").run.resolved() for name in ("smollm2", "gpt2"))
    assert {key for key in smollm2 if smollm2[key] != gpt2[key]} == {"name", "title", "question", "model"}


def test_gpt2_is_compared_like_smollm2_but_for_the_model():
    smollm2, gpt2 = (
        load_any(CONFIGS / f"antonyms_{name}dense_vs_sparse.yaml")[1].run.resolved() for name in ("", "gpt2_")
    )
    assert {key for key in smollm2 if smollm2[key] != gpt2[key]} == {"name", "title", "question", "models"}


def test_gpt2_is_made_sparse_like_smollm2_but_for_the_model_and_the_numbers():
    smollm2, gpt2 = (load_any(CONFIGS / f"sparsify_{name}.yaml")[1].run.resolved() for name in ("smollm2", "gpt2"))
    assert {key for key in smollm2 if smollm2[key] != gpt2[key]} == {
        "name",
        "title",
        "model",
        "text",
        "training",
        "export",
        "gate",
        "untrained",
        "threads",
    }
    gates = smollm2["gate"], gpt2["gate"]
    assert {key for key in gates[0] if gates[0][key] != gates[1][key]} == {"power"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ("head_ablation", "head_ablatoin"),
            r"probes.0.kind: there is no 'head_ablatoin'; did you mean 'head_ablation'",
        ),
        (("{kind: head_ablation}", "{kind: head_ablation, sorce: zero}"), "sorce: unknown key; did you mean 'source'"),
        (("name: good", "nmae: good"), "nmae: unknown key; did you mean 'name'"),
        (("name: good", '"na\\nme": good'), r"'na\\nme': unknown key"),  # in one line, whatever a key holds
        (
            ("{kind: head_ablation}", "{kind: head_ablation, source: median}"),
            "probes.0.*source.*'zero', 'mean' or 'resample'",
        ),
        (("{kind: head_ablation}", "{source: zero}"), "probes.0.kind: this key is missing; it says which kind"),
        (("{source: pypi}", "{source: pipy}"), "model.source: there is no 'pipy'; did you mean 'pypi'"),
        (("{source: pypi}", "{source: pypi, dtype: float8}"), "dtype"),
        (("name: good", "name: a/b"), "name: must match pattern"),
        (("name: good", "name: good\nseed: -1"), "seed: .*greater than or equal to 0"),
        (("name: good", "name: good\nseed: one"), "seed: must be a whole number, not 'one'"),
        (("name: good", "name: good\nname: twice"), 'line 3: found duplicate key "name"'),
        (("name: good", "name: [good"), "is not valid YAML"),
        (("\n  - {kind: head_ablation}", " []"), "probes: .*at least 1"),
        (("probes:", "probing:"), "probes: this key is missing"),
        (
            ("  - {kind: head_ablation}", "  - {kind: head_ablation}\n  - {kind: head_ablation}"),
            "two probes are called",
        ),
        (("{kind: head_ablation}", "{kind: head_ablation, heads: [11.7]}"), "write it as L11-H7"),
        (
            ("{kind: head_ablation}", "{kind: head_ablation, heads: [[1.7, 2]]}"),
            "probes.0.heads.0: .*write it as L11-H7",
        ),
        (("{kind: head_ablation}", "{kind: head_ablation, heads: [[1, -2]]}"), "write it as L11-H7"),
        (("{kind: head_ablation}", "{kind: head_ablation, heads: [[null, 2]]}"), "write it as L11-H7"),
        (
            ("{kind: head_ablation}", "{kind: head_ablation, heads: L1-H2}"),
            r"yaml: probes.0.heads: must be 'all' or a list, not 'L1-H2'$",
        ),
        (("{kind: head_ablation}", "head_ablation"), "probes.0: must be a mapping, not 'head_ablation'"),
        (("\n  - {kind: head_ablation}", " head_ablation"), "probes: must be a list, not 'head_ablation'"),
        (("{source: pypi}", "gpt2"), "model: must be a mapping, not 'gpt2'"),
        (("name: good", "name: good\nseed: true"), "seed: must be a whole number, not true"),
        (("name: good", "name: good\ncompute: {threads: true}"), "compute.threads: must be a whole number, not true"),
        (("name: good", "name: good\ncompute: {threads: 100000}"), "compute.threads: must be less than"),
        (
            ("name: good", "name: good\nprompts: {task: {kind: antonyms, max_pairs: 1}}"),
            "yaml: prompts.task.max_pairs: must be greater",
        ),
        (("name: good", "name: good\nexperiment: {kind: key_query_circuit}"), "no key_query_heads probe of this run"),
        (
            ("name: good", "name: good\nfigures: [{kind: share_curve}]"),
            "share_curve needs a probe of kind key_query_heads",
        ),
        (("name: good", "name: good\nfigures: [{kind: head_heatmap, probe: x}]"), "there is no probe 'x' in this run"),
        (
            ("name: good", "name: good\nfigures: [{kind: head_heatmap}, {kind: head_heatmap}]"),
            "yaml: figures.1: two figures are called 'head_heatmap'",
        ),
        (
            ("{kind: head_ablation}", "{kind: layer_span, groups: [{name: a, at: key}, {name: a, at: key}]}"),
            "two groups are called 'a'",
        ),
        (("name: good", "name: good\nshare: {target: 1.5}"), "share.target"),
        (
            ("name: good", "name: good\nfigures: [{kind: heatmap}]"),
            "figures.0.kind: there is no 'heatmap'; did you mean",
        ),
        (("name: good", "name: good\nmetric: {kind: logit_dif}"), "did you mean 'logit_diff'"),
        (
            ("name: good", "name: good\nprompts: {roles: {key: {position: 0}, query: {position: end}}}"),
            "position: must be greater than or equal to 1",
        ),
        (
            ("name: good", "name: good\nprompts: {task: {kind: greater_than}}\nmetric: {kind: logit_diff}"),
            "metric: logit_diff reads one right answer, and a prompt of greater_than has several; say prob_diff .* or "
            "best_logit_diff",
        ),
        (
            ("name: good", "name: good\nprompts: {task: {kind: antonyms, templates: ['no field']}}"),
            "has no field {word}",
        ),
        (("name: good", "name: good\nprompts: {task: {kind: antonyms, focus: {word: zebra}}}"), "'zebra' is not among"),
    ],
)
def test_mistakes_name_the_field_and_what_would_be_right(tmp_path, change, says):
    text = GOOD.replace(*change)
    assert text != GOOD
    with pytest.raises(UserError, match=says) as caught:
        load(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_task_brings_its_roles_and_its_metric_and_what_is_said_comes_before_them(tmp_path):
    def asked(prompts, more=""):
        return load(write(tmp_path, GOOD.replace("name: good", f"name: good\nprompts: {prompts}{more}"))).run

    ioi = asked("{task: {kind: ioi}}")
    assert ioi.metric.kind == "logit_diff"
    assert {"key", "query", "io", "s1", "s2"} == set(ioi.prompts.roles)
    later = asked("{task: {kind: greater_than}, roles: {key: {position: 9}, more: {token: year, occurrence: last}}}")
    assert later.metric.kind == "prob_diff"
    assert set(later.prompts.roles) == {"key", "query", "years", "more"}
    assert later.prompts.roles["key"].position == 9
    assert asked("{task: {kind: greater_than}}", "\nmetric: {kind: best_logit_diff}").metric.kind == "best_logit_diff"
    assert set(asked("{roles: {key: {position: 5}}}").prompts.roles) == {"key", "query"}


@pytest.mark.parametrize(("text", "says"), [("", "it is empty"), ("- 1", "it is a list"), ("just text", "it is a str")])
def test_yaml_that_is_no_mapping(tmp_path, text, says):
    with pytest.raises(UserError, match=f"must be a mapping of settings .*{says}"):
        load(write(tmp_path, text))


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(UserError, match="is no text in UTF-8 .byte 7 is not"):
        load(path)


@pytest.mark.parametrize("study", ["[circuit]", "{}", "null", "cirquit"])
def test_a_study_that_does_not_exist(tmp_path, study):
    with pytest.raises(UserError, match="study: there is no .*circuit"):
        load_any(write(tmp_path, f"{GOOD}study: {study}\n"))


def test_a_missing_file_gets_the_nearest_name(tmp_path):
    write(tmp_path, GOOD)
    with pytest.raises(UserError, match=r"there is no config .*did you mean 'run.yaml'"):
        load(tmp_path / "runs.yaml")


def test_overrides_reach_into_mappings_and_lists_and_are_recorded(tmp_path):
    loaded = load(write(tmp_path, GOOD), ["seed=7", "probes.0.source=zero", "share.target=0.5"])
    assert (loaded.run.seed, loaded.run.probes[0].source, loaded.run.share.target) == (7, "zero", 0.5)
    assert loaded.overrides == ("seed=7", "probes.0.source=zero", "share.target=0.5")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("seed", "write it as key.subkey=value"),
        ("probes.3.source=zero", "'3' is no entry of a list of 1"),
        ("name.x=1", "there is nothing at 'x'|is not a mapping"),
        ("sede=1", "did you mean 'seed'"),
        ("seed=[1", "is not valid YAML"),
    ],
)
def test_bad_overrides(tmp_path, override, says):
    with pytest.raises(UserError, match=says):
        load(write(tmp_path, GOOD), [override])


def test_yes_and_no_are_words_in_yaml_1_2(tmp_path):
    text = GOOD + "prompts: {task: {kind: antonyms, pairs: {yes: no, on: off, large: small, hot: cold}}}\n"
    assert load(write(tmp_path, text)).run.prompts.task.pairs["yes"] == "no"


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (("größe", "sparse"), "the label 'größe' names a folder"),
        (("a/b", "sparse"), "names a folder"),
        (("figures", "sparse"), "the label 'figures' names a folder"),
        (("Sparse", "sparse"), "differ in more than capitals"),
        (("dense-1", "sparse_2"), None),
    ],
)
def test_the_labels_of_a_comparison_can_be_folders(tmp_path, labels, says):
    models = ", ".join(f"{label!r}: {{source: pypi}}" for label in labels)
    text = GOOD.replace("model: {source: pypi}", f"study: comparison\nmodels: {{{models}}}")
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    if says is None:
        assert tuple(load_any(path)[1].run.models) == labels
    else:
        with pytest.raises(UserError, match=f"models: .*{says}"):
            load_any(path)


@pytest.mark.parametrize(
    ("faulty", "says", "silent"),
    [
        # A wrong number somewhere else must not hide what a figure lacks, nor a name that is given twice.
        (
            "seed: -1\nfigures: [{kind: share_curve}, {kind: head_heatmap, probe: x}]",
            [
                "seed: must be",
                "figures.0: figure share_curve needs a probe",
                "figures.1: figure head_heatmap: there is no",
            ],
            [],
        ),
        (
            "seed: -1\nfigures: [{kind: head_heatmap}, {kind: head_heatmap}]",
            ["seed: must", "figures.1: two figures"],
            [],
        ),
        ("seed: -1\nexperiment: {kind: key_query_circuit}", ["seed: must be", "no key_query_heads probe"], []),
        (
            "share: {target: x}\nfigures: [{kind: heatmap}, {kind: share_curve}]",
            ["share.target", "figures.0.kind", "figures.1: "],
            [],
        ),
        # The valid twin: what can be drawn is no mistake.
        ("seed: -1\nfigures: [{kind: head_heatmap}]", ["seed: must be"], ["figure"]),
    ],
)
def test_all_mistakes_of_a_file_are_told_at_once(tmp_path, faulty, says, silent):
    with pytest.raises(UserError) as caught:
        load(write(tmp_path, f"{GOOD}{faulty}\n"))
    told = str(caught.value)
    assert all(told.count(one) == 1 for one in says), told
    assert not any(one in told for one in silent), told


def test_a_misspelt_probe_is_told_alone_and_not_with_what_follows_from_it(tmp_path):
    text = GOOD.replace("head_ablation", "head_ablatoin") + "figures: [{kind: head_heatmap}]\n"
    with pytest.raises(UserError, match=r"did you mean 'head_ablation'\?$"):
        load(write(tmp_path, text))
