"""Whole training runs on tiny random models: from YAML to a checkpoint that the analysis side can load."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from ruamel.yaml import YAML

from interp.models import DirectoryModel, load_model
from interp.models.config import SparseModel
from interp.models.sparse_attention import gate_facts
from interp.models.sparse_checkpoint import read_checkpoint
from tests.runs.sparsify.tiny import QUIET, config, log, run


def test_a_run_writes_checkpoints_tables_and_a_report(finished):
    folder, _ = finished
    assert [int(step) for step in log(folder)["step"]] == list(range(1, 11))
    frontier = pd.read_csv(folder / "frontier.csv")
    assert frontier["stage"].tolist() == [1, 2]
    assert frontier["density"].between(0, 1).all()
    baseline = pd.read_csv(folder / "baseline.csv").sort_values("bias")
    assert sorted(baseline["length"].unique()) == [6, 12]
    for _, mine in baseline.groupby(["gate", "length"]):
        assert len(mine) == 3
        assert mine["density"].is_monotonic_increasing
    lengths = pd.read_csv(folder / "lengths.csv")
    assert lengths["length"].tolist() == [6, 12]  # sampled text has no more
    assert lengths["density"].iloc[1] == pytest.approx(frontier["density"].iloc[-1])
    assert frontier["keys_a_query"].iloc[-1] == pytest.approx(frontier["density"].iloc[-1] * 13 / 2)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "of the causal edges are open on held-out text" in page
    for stem in ("frontier", "frontier_by_length", "training_curves", "head_densities"):
        assert all((folder / "figures" / f"{stem}.{ending}").is_file() for ending in ("png", "pdf", "svg", "csv"))
    assert not (folder / "checkpoints").exists()


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize(
    ("adapter", "gate"),
    [
        ({"kind": "lora", "rank": 2, "layers": "all"}, {"kind": "score"}),
        ({"kind": "full"}, {"kind": "score"}),
        ({"kind": "attention", "rank": 5}, {"kind": "weight", "bias": 2.5, "learn_bias": True, "power": 0.5}),
        (
            {"kind": "attention", "rank": 5},
            {
                **{"kind": "weight", "learn_bias": True, "first_bias": 0.5, "power": 0.5, "temperature": 0.3},
                "calibrate": {"price": 1.0, "rows": 6},
            },
        ),
    ],
)
def test_the_exported_checkpoint_is_the_model_that_was_judged(tmp_path, models, family, adapter, gate):
    """Density and loss are computed anew from the exported files, on the analysis side."""
    from interp.sparsify.text import sequences
    from interp.sparsify.text_config import SampledText, Text

    folder = run(config(tmp_path, models[family], adapter=adapter, bias_learning_rate=0.1), f"gate={json.dumps(gate)}")
    base = load_model(DirectoryModel(path=str(models[family])))
    sparse = load_model(
        DirectoryModel(path=str(models[family]), sparse=SparseModel(checkpoint=str(tmp_path / "exported")))
    )
    assert sparse.info.name == f"{family} (sparse)"
    assert sparse.info.processing["fold_value_biases"] is False
    text = Text(of=SampledText(sequences=40), context=12)
    held_out = sequences(
        text, SimpleNamespace(dtype=torch.float32), base.tokenizer, 0, base.info.weights_sha256, QUIET
    ).held_out
    with torch.no_grad():
        cache = sparse.hooked.run_with_cache(held_out)[1]
        losses = [one.hooked(held_out, return_type="loss").item() for one in (sparse, base)]
    causal = 12 * 13 / 2 * len(held_out) * 4
    density = sum(float(cache[f"blocks.{layer}.attn.hook_gate"].sum()) for layer in range(3)) / 3 / causal
    last = pd.read_csv(folder / "frontier.csv").iloc[-1]
    assert density == pytest.approx(last["density"], abs=1e-6)
    assert losses[0] - losses[1] == pytest.approx(last["above_dense"], abs=1e-4)
    about = read_checkpoint(tmp_path / "exported")
    assert about.trained["density"] == pytest.approx(density, abs=1e-6)
    assert about.gate == gate["kind"]
    assert (about.head_bias is not None) == ("learn_bias" in gate)
    assert (about.first_bias is not None) == ("first_bias" in gate)
    if about.head_bias is not None:
        assert torch.tensor(about.head_bias).abs().max() > 0.1


def test_the_config_for_gpt2_runs_on_a_random_gpt2(tmp_path, models):
    """As shipped, except for the model's place, the tokenizer's first token, and the sizes."""
    shipped = YAML(typ="safe").load(Path(__file__).parents[3] / "configs" / "sparsify_gpt2.yaml")
    shipped["model"] = {"source": "directory", "path": str(models["gpt2"])}
    shipped["text"] |= {"of": {"source": "sampled", "sequences": 40, "begin": "<s>"}, "context": 12}
    shipped["training"] |= {"batch": 2, "precision": "float32"}
    for stage in shipped["training"]["stages"]:
        stage |= {"steps": 2, "target": 10 * stage["target"]}
    shipped |= {"export": str(tmp_path / "exported"), "output": {"root": str(tmp_path / "runs")}}
    path = tmp_path / "gpt2.yaml"
    path.write_text(json.dumps(shipped), encoding="utf-8")
    folder = run(path)
    assert pd.read_csv(folder / "frontier.csv")["stage"].tolist() == [1, 2, 3]
    for name in ("log.csv", "frontier.csv", "baseline.csv", "heads.csv"):
        assert (tmp_path / "exported" / name).read_bytes() == (folder / name).read_bytes()


def test_training_changes_the_density(tmp_path, models):
    """Pressed without regard to the loss, edges close."""
    geco = {"start": 50.0, "minimum": 50.0}
    folder = run(
        config(tmp_path, models["llama"], geco=geco, stages=[{"target": 50.0, "steps": 40}], adapter={"kind": "full"})
    )
    rows = log(folder)
    assert rows["expected_density"].iloc[-1] < 0.5 * rows["expected_density"].iloc[0]


def test_the_result_is_judged_on_prompts_by_wording(tmp_path, models):
    """Density, loss and accuracy on a task's prompts, recomputed on the analysis side for one wording."""
    task = {"kind": "antonyms", "templates": ['The opposite of "{word}" is "', '"{word}" is the opposite of "']}
    folder = run(config(tmp_path, models["llama"]), f"task={json.dumps({'task': task})}")
    found = pd.read_csv(folder / "prompts.csv").set_index("template")
    assert list(found.index) == task["templates"]
    sparse, dense = (
        load_model(DirectoryModel(path=str(models["llama"]), sparse=one))
        for one in (SparseModel(checkpoint=str(tmp_path / "exported")), None)
    )
    from interp.prompts.builtin.antonyms import Antonyms

    prompts = {
        pair.clean: pair.answer for pair in Antonyms(**task).candidates() if pair.template == task["templates"][0]
    }
    ids = dense.tokenizer(list(prompts), add_special_tokens=False)["input_ids"]
    answers = torch.tensor(dense.tokenizer(list(prompts.values()), add_special_tokens=False)["input_ids"])[:, 0]
    batch = torch.tensor(ids)
    row = found.iloc[0]
    assert row["prompts"] == len(batch)
    with torch.no_grad():
        logits = [one.hooked(batch)[:, -1].log_softmax(-1) for one in (sparse, dense)]
    losses = [-float(one.gather(-1, answers[:, None]).mean()) for one in logits]
    assert row["above_dense"] == pytest.approx(losses[0] - losses[1], abs=1e-4)
    assert row["accuracy"] == pytest.approx(float((logits[0].argmax(-1) == answers).float().mean()))
    facts = gate_facts(sparse.hooked, batch)
    assert row["density"] == pytest.approx(facts["open"] / facts["edges"], abs=1e-5)
    assert row["keys_a_query"] == pytest.approx(facts["open"] / facts["queries"], abs=1e-5)
    assert "own prompts (" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_run_without_untrained_gates_has_its_frontier_all_the_same(tmp_path, models):
    path = config(tmp_path, models["llama"], stages=[{"target": 1.0, "steps": 1}])
    folder = run(path, "untrained={score: [], weight: []}")
    assert pd.read_csv(folder / "figures" / "frontier_by_length.csv")["length"].tolist() == [6, 12]
