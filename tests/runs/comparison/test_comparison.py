"""Whole comparisons on tiny models: a model with itself, with its gated twin, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
from rich.console import Console
from ruamel.yaml import YAML
from safetensors.torch import load_file, save_file

from interp.analysis.findings_of_comparison import ComparisonFindings, PairFindings
from interp.analysis.quantities import quantities
from interp.errors import UserError
from interp.results.run_folder import RunFolder
from interp.runs.comparison.publish import comparison_of
from interp.runs.comparison.tables import spans_table
from interp.runs.kinds import load_any, publish_any, run_kinds
from interp.runs.lifecycle import tables_only
from tests.findings import filled
from tests.tiny_models import write_random_twin, write_tiny_gpt2

QUIET = Console(quiet=True)
CONFIGS = Path(__file__).parents[3] / "configs"


def run(folder: Path, models: dict, base: str = "antonyms_dense_vs_sparse.yaml", **changes) -> Path:
    kind, loaded = loaded_with(folder, models, base, **changes)
    return kind.run(loaded, QUIET).parent


def check(folder: Path, models: dict, probes: list | None = None, **prompts):
    kind, loaded = loaded_with(folder, models, prompts=prompts, **({"probes": probes} if probes else {}))
    return kind.check(loaded, QUIET)


def loaded_with(
    folder: Path, models: dict, base: str = "antonyms_dense_vs_sparse.yaml", prompts: dict | None = None, **changes
):
    settings = YAML(typ="safe").load(CONFIGS / base)
    settings |= {"models": models, "output": {"root": str(folder / "runs")}}
    settings["prompts"] |= {"keep": "all", "min_gap": 0.0001} | (prompts or {})
    # Word pairs for two halves; one wording, since both models are asked the same ones anyway.
    task = settings["prompts"]["task"]
    task |= {"max_pairs": 12, "templates": task["templates"][:1]}
    settings["statistics"] = {"n_resamples": 100}
    # What takes long and says nothing about a comparison: controls, many re-rankings, small steps.
    settings["probes"] = [
        {"kind": "key_query_heads", "rerankings": 2, "random_sets": 0, "nonsense": False, "beside": [], "max_heads": 3},
        {
            "kind": "attention_edges",
            "orders": ["integrated", "reranked"],
            "remove": 0.6,
            "seeds": 2,
            "steps": 2,
            "random_sets": 2,
        },
        {"kind": "circuit_nodes", "orders": ["exact"], "seeds": 1, "random_sets": 2},
        *settings["probes"][2:],
    ]
    path = folder / "comparison.yaml"
    path.write_text(json.dumps(settings | changes), encoding="utf-8")
    return load_any(path)


def model(path, **more):
    return {"source": "directory", "path": str(path), **more}


@pytest.fixture(scope="module")
def with_itself(tiny_llama, tmp_path_factory):
    open_gate = model(tiny_llama, sparse={"bias": 1e6})
    with tables_only():
        return run(tmp_path_factory.mktemp("itself"), {"dense": model(tiny_llama), "sparse": open_gate})


@pytest.fixture(scope="module")
def gpt2_twins(tmp_path_factory):
    """GPT-2's config with a random GPT-2 in a directory, its twin, and the twin's weights without a gate."""
    folder = tmp_path_factory.mktemp("gpt2")
    path = write_tiny_gpt2(folder / "gpt2")
    twin = write_random_twin(folder / "twin", path)
    models = {
        "dense": model(path),
        "opened": model(path, sparse={"checkpoint": str(twin), "opened": True}),
        "sparse": model(path, sparse={"checkpoint": str(twin)}),
    }
    return run_and_tell(folder, models, "antonyms_gpt2_dense_vs_sparse.yaml")


def run_and_tell(*asked, **changes) -> Path:
    """A run whose arms draw no reports of their own."""
    with tables_only():
        folder = run(*asked, **changes)
    publish_any(folder, QUIET)
    return folder


def found(folder: Path, against: str = "dense") -> dict:
    pairs = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))["pairs"]
    return next(pair for pair in pairs if pair["labels"][0] == against)


def test_a_model_does_not_differ_from_itself_with_open_gates(with_itself):
    numbers = found(with_itself)
    for mean in numbers["means"].values():
        assert mean["difference"]["mean"] == pytest.approx(0, abs=1e-4)
    for definition in ("joint", "absolute", "net"):
        assert numbers["heads"][definition]["first"]["n"] == numbers["heads"][definition]["second"]["n"]
        assert numbers["heads"][definition]["ratio"]["value"] in (1.0, None)
    for direction in ("sufficient", "necessary"):
        counts = numbers["edges"][direction]
        assert counts["first"]["edges"] == pytest.approx(counts["second"]["edges"], rel=0.05)
    assert numbers["selected"][0] == numbers["selected"][1] == numbers["shared"]


def test_a_sweeps_table_has_counts_ratios_and_differences(gpt2_twins):
    told = {one.name: one for one in quantities(run_kinds["comparison"].concluded(RunFolder.existing(gpt2_twins)))}
    for against in ("dense", "opened"):
        pair = found(gpt2_twins, against)
        heads, edges = pair["heads"]["joint"], pair["edges"]["sufficient"]
        assert told[f"{against}-sparse.heads.joint.second.n"].value == heads["second"]["n"]
        ratio = told[f"{against}-sparse.edges.sufficient.ratio"]
        assert (ratio.value, ratio.low, ratio.high) == tuple(edges["ratio"][key] for key in ("value", "low", "high"))
        assert told[f"{against}-sparse.edges.sufficient.first"].value == edges["first"]["edges"]


def test_both_models_are_asked_the_same_prompts(gpt2_twins):
    dense, opened, sparse = (
        pd.read_parquet(gpt2_twins / label / "prompts.parquet") for label in ("dense", "opened", "sparse")
    )
    for other in (opened, sparse):
        assert dense["clean"].tolist() == other["clean"].tolist()
        assert dense["corrupted"].tolist() == other["corrupted"].tolist()
        assert (dense["clean_metric"] != other["clean_metric"]).all()
    assert (opened["clean_metric"] != sparse["clean_metric"]).all()


@pytest.mark.parametrize("against", ["dense", "opened"])
def test_counts_are_those_of_each_models_own_run(gpt2_twins, against):
    numbers = found(gpt2_twins, against)
    for side, label in (("first", against), ("second", "sparse")):
        own = json.loads((gpt2_twins / label / "metrics.json").read_text(encoding="utf-8"))["probes"]
        for definition in ("joint", "absolute", "net"):
            wanted = own["key_query_heads"]["shares"][definition]["n"]
            assert numbers["heads"][definition][side]["n"] == wanted
        for direction in ("sufficient", "necessary"):
            wanted = own["attention_edges"]["needed"][direction]["0.9"]["edges"]
            assert numbers["edges"][direction][side]["edges"] == wanted
            assert numbers["nodes"][direction][side] == own["circuit_nodes"]["needed"][direction]["0.9"]


def test_comparison_json_is_what_its_schema_says(gpt2_twins, tmp_path):
    numbers = json.loads((gpt2_twins / "comparison.json").read_text(encoding="utf-8"))
    schema = json.loads((CONFIGS / "comparison_findings.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(numbers, schema)
    assert numbers["schema_version"] == 2
    # Through the classes and back, nothing is lost and no number changes its type.
    typed = ComparisonFindings.model_validate(numbers)
    assert json.dumps(typed.plain(), sort_keys=True) == json.dumps(numbers, sort_keys=True)
    numbers["pairs"][0]["means"]["gap"]["first"] = {"mean": 1.0}
    (tmp_path / "comparison.json").write_text(json.dumps(numbers), encoding="utf-8")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(numbers, schema)
    with pytest.raises(UserError, match="written by another version of interp"):
        comparison_of(tmp_path)


@pytest.mark.parametrize("against", ["dense", "opened"])
def test_open_edges_are_counted_on_the_focus_prompt(gpt2_twins, against):
    full, sparse = found(gpt2_twins, against)["open_edges"]
    assert full["open"] == full["causal"] == 3 * 4 * 36
    assert 0 < sparse["open"] < sparse["causal"]


def test_the_last_model_is_told_against_every_other(gpt2_twins):
    page = (gpt2_twins / "report.md").read_text(encoding="utf-8")
    for reference in ("dense", "opened"):
        assert f"Both models on every candidate, by wording: sparse against {reference}" in page
        assert f"nats against {reference}." in page
    assert "opened has the weights that were trained under the gate, with every edge open" in page
    assert "On held-out text opened" not in page
    legend = pd.read_csv(gpt2_twins / "figures" / "share_curves.csv")["model"].unique().tolist()
    assert legend == ["dense", "opened", "sparse"]


def test_the_report_states_gain_and_loss(gpt2_twins):
    page = (gpt2_twins / "report.html").read_text(encoding="utf-8")
    for words in (
        "Heads needed for 80 %",
        "Edges of the circuit that explains 90 %",
        "Both models on every candidate, by wording",
        "sparse/report.html",
    ):
        assert words in page
    for stem in ("side_by_side", "share_curves", "edge_curves", "modulation_curves", "circuit_panel-sparse"):
        assert (gpt2_twins / "figures" / f"{stem}.pdf").is_file()


def test_the_report_is_drawn_again_without_the_models(gpt2_twins):
    before = (gpt2_twins / "report.html").read_bytes()
    (gpt2_twins / "report.html").unlink()
    publish_any(gpt2_twins, QUIET)
    assert (gpt2_twins / "report.html").read_bytes() == before
    publish_any(gpt2_twins / "sparse", QUIET)
    assert (gpt2_twins / "sparse" / "report.html").is_file()


@pytest.fixture
def trained_further(gpt2_twins):
    """The finished comparison's config, while an adapter that it names holds other weights."""
    config = gpt2_twins.parents[2] / "comparison.yaml"
    weights = config.parent / "twin" / "adapter_model.safetensors"
    before = weights.read_bytes()
    save_file({name: tensor + 0.01 for name, tensor in load_file(weights).items()}, weights)
    yield config
    weights.write_bytes(before)


def again(config: Path) -> None:
    kind, loaded = load_any(config)
    kind.run(loaded, QUIET)


def test_a_finished_comparison_is_not_taken_for_one_of_other_weights(trained_further):
    with pytest.raises(UserError, match=r"adapter_model.safetensors: \w{10} then, \w{10} now"):
        again(trained_further)


def test_what_an_interrupted_comparison_measured_is_not_mixed_with_other_weights(trained_further, gpt2_twins):
    """Its arms know what they were made from; those whose models are as they were, stay."""
    manifest, arm = gpt2_twins / "manifest.json", gpt2_twins / "dense" / "effects.parquet"
    before, measured = manifest.read_bytes(), arm.read_bytes()
    manifest.unlink()
    try:
        with pytest.raises(
            UserError, match=r"opened.*made from something else \(.*adapter_model.safetensors: \w{10} then"
        ):
            again(trained_further)
    finally:
        manifest.write_bytes(before)
    assert arm.read_bytes() == measured


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ({"a": {"source": "pypi"}}, "has two models, or three with a control, not 1"),
        ({"a b": {"source": "pypi"}, "c": {"source": "pypi"}}, "names a folder"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, models, words):
    with pytest.raises(UserError, match=words):
        run(tmp_path, models)


def test_a_group_that_is_called_like_the_answer_is_no_output():
    """The output's row has the answer's text for a name; both stand in the table, each with its own layers."""
    group = {"group": "small", "output": False, "first": 0, "last": 1, "layers": [0, 1]}
    output = {"group": "small", "output": True, "first": 3, "last": 3, "layers": []}
    given = {"labels": ["dense", "sparse"], "spans": [[group, output], [{**group, "layers": [0]}, output]]}
    (table,) = spans_table(PairFindings.model_validate(filled(PairFindings, given)))
    assert table.rows == [["small", "0–1", "0"], ["small", "3 (output)", "3 (output)"]]
