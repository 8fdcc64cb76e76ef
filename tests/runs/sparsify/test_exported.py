"""A checkpoint that a run has exported: what loads, what is refused by name, and what goes on from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from interp.analysis.findings_of_run import SparseFound
from interp.errors import UserError
from interp.models import DirectoryModel, load_model
from interp.models.config import SparseModel
from interp.models.sparse_checkpoint import read_checkpoint
from tests.runs.sparsify.tiny import config, run
from tests.tiny_models import write_tiny_llama


def test_a_checkpoint_of_another_base_is_refused(tmp_path, models, finished):
    other = write_tiny_llama(tmp_path / "other", seed=1)
    exported = str(finished[1] / "exported")
    with pytest.raises(UserError, match="an adapter fits its own base model alone"):
        load_model(DirectoryModel(path=str(other), sparse=SparseModel(checkpoint=exported)))


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("sparse_attention.json", None, "holds no sparse_attention.json"),
        ("sparse_attention.json", b"{", "damaged"),
        ("adapter_model.safetensors", b"xx", "cannot be read"),
        ("adapter_model.safetensors", None, "cannot be read"),
        ("adapter_config.json", b"{}", "cannot be read"),
        ("sparse_attention.json", b'{"format": 4}', "has format 4; this version reads formats 1 to 3"),
        ("sparse_attention.json", b'{"format": 2, "base": "x"}', "damaged or of another kind .*base_weights_sha256"),
    ],
)
def test_a_damaged_checkpoint_is_one_sentence(tmp_path, models, finished, file, content, words):
    copy = tmp_path / "copy"
    shutil.copytree(finished[1] / "exported", copy)
    if content is None:
        (copy / file).unlink()
    else:
        (copy / file).write_bytes(content)
    with pytest.raises(UserError, match=words):
        load_model(DirectoryModel(path=str(models["llama"]), sparse=SparseModel(checkpoint=str(copy))))


def test_a_damaged_stage_of_a_finished_run_is_trained_again_before_it_is_exported(finished):
    folder, given = finished
    stage = folder / "stages" / "2" / "adapter_model.safetensors"
    whole = stage.read_bytes()
    stage.write_bytes(whole[:100])
    run(given / "tiny.yaml")
    assert stage.read_bytes() == whole == (given / "exported" / stage.name).read_bytes()


def test_a_pickle_is_never_read(tmp_path, models, finished):
    """In the tensors' place it is refused; beside them nothing opens it, here or where training begins."""
    copy = tmp_path / "copy"
    shutil.copytree(finished[1] / "exported", copy)
    (copy / "adapter_model.bin").write_bytes(b"x")
    sparse = [
        load_model(DirectoryModel(path=str(models["llama"]), sparse=SparseModel(checkpoint=str(one)))).hooked
        for one in (copy, finished[1] / "exported")
    ]
    batch = torch.randint(2, 100, (2, 9))
    assert torch.equal(sparse[0](batch), sparse[1](batch))
    (copy / "adapter_model.safetensors").unlink()
    with pytest.raises(UserError, match=r"pickles \(.bin\) are never loaded"):
        load_model(DirectoryModel(path=str(models["llama"]), sparse=SparseModel(checkpoint=str(copy))))
    with pytest.raises(UserError, match=r"training.begin: .*pickles \(.bin\) are never loaded"):
        run(config(tmp_path, models["llama"], begin=str(copy)))


def test_the_exported_files_name_no_place_of_this_machine(finished):
    for file in (finished[1] / "exported").glob("*.json"):
        content = file.read_text(encoding="utf-8")
        assert str(finished[1]) not in content.replace(str(finished[1] / "tiny.yaml"), "")


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_released_sparse_checkpoint_needs_its_threshold_alone(models, family):
    """Weights of the dense shape load as a directory: an edge is open where its score is above 0, nothing is renormalised."""
    sparse = load_model(DirectoryModel(path=str(models[family]), sparse=SparseModel()))
    assert sparse.info.sparse == SparseFound(gate="score", bias=0.0, checkpoint=None)
    with torch.no_grad():
        cache = sparse.hooked.run_with_cache(torch.randint(2, 100, (2, 9)))[1]
    for layer in range(3):
        scores, pattern = (cache[f"blocks.{layer}.attn.hook_{name}"] for name in ("attn_scores", "pattern"))
        causal = torch.ones(9, 9).tril().bool()
        wanted = torch.where(causal, scores, -torch.inf).softmax(-1) * (scores > 0)
        torch.testing.assert_close(pattern.float(), wanted.float(), atol=1e-6, rtol=0)


def changed(folder: Path, target: Path, tensors=lambda state: state, **about) -> Path:
    """A copy of a checkpoint with other tensors or another description."""
    shutil.copytree(folder, target)
    state = tensors(load_file(folder / "adapter_model.safetensors"))
    save_file({name: one.contiguous() for name, one in state.items()}, target / "adapter_model.safetensors")
    described = json.loads((folder / "sparse_attention.json").read_text())
    (target / "sparse_attention.json").write_text(json.dumps(described | about))
    return target


FIRST = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


@pytest.mark.parametrize(
    ("tensors", "about", "words"),
    [
        (lambda s: {k: v for k, v in s.items() if k != FIRST}, {}, rf"do not fit: {FIRST} is missing"),
        (lambda s: s | {"evil.weight": torch.ones(1)}, {}, "do not fit: evil.weight is not in the model"),
        (
            lambda s: s | {FIRST: s[FIRST][:, :5]},
            {},
            rf"do not fit: {FIRST} has shape \[2, 5\], where the model has \[2, 32\]",
        ),
        (lambda s: s | {FIRST: s[FIRST] * float("nan")}, {}, f"hold NaN or infinity in {FIRST}"),
        (lambda s: s | {FIRST: s[FIRST].to(torch.complex64)}, {}, f"hold {FIRST} in complex64, where floating"),
        (lambda s: s | {FIRST: s[FIRST].to(torch.int8)}, {}, f"hold {FIRST} in int8, where floating"),
        (
            dict,
            {"head_bias": [[0.0] * 4] * 2},
            "head_bias in .* has 2 layers of 4 heads, but the model has 3 layers of 4",
        ),
        (dict, {"head_bias": [[0.0] * 4, [0.0] * 3, [0.0] * 4]}, "has 3 layers of 3 or 4 heads"),
        (dict, {"first_bias": [[0.0] * 4] * 2}, "first_bias in .* has 2 layers of 4 heads"),
        (dict, {"gate": "softmax"}, "gate: Input should be 'score' or 'weight'"),
        (dict, {"threshold": 1.0}, "threshold: Unexpected keyword argument"),
    ],
)
def test_a_strange_checkpoint_is_refused_by_name(tmp_path, models, finished, tensors, about, words):
    copy = changed(finished[1] / "exported", tmp_path / "copy", tensors, **about)
    with pytest.raises(UserError, match=words):
        load_model(DirectoryModel(path=str(models["llama"]), sparse=SparseModel(checkpoint=str(copy))))


def test_a_checkpoint_with_biases_of_heads_loads_with_them(tmp_path, models, finished):
    biases = [[0.1 * head - layer for head in range(4)] for layer in range(3)]
    copy = changed(finished[1] / "exported", tmp_path / "copy", head_bias=biases, format=2)
    made = load_model(DirectoryModel(path=str(models["llama"]), sparse=SparseModel(checkpoint=str(copy), bias=1.0)))
    found = torch.stack([block.attn.sparse_gate.rule.bias for block in made.hooked.blocks])
    torch.testing.assert_close(found, torch.tensor(biases, dtype=torch.float64) + 1.0, atol=1e-6, rtol=0)
    assert made.info.sparse.head_bias_range == pytest.approx([-2.0, 0.3])
    with pytest.raises(UserError, match="was trained with the gate 'score'; leave gate out"):
        load_model(DirectoryModel(path=str(models["llama"]), sparse=SparseModel(checkpoint=str(copy), gate="weight")))


def test_a_file_of_the_first_format_still_loads(tmp_path, models, finished):
    """Written before there were kinds of gates: a score gate with one bias."""
    copy = changed(finished[1] / "exported", tmp_path / "copy")
    described = json.loads((copy / "sparse_attention.json").read_text())
    old = {name: described[name] for name in ("base", "base_weights_sha256", "bias", "trained")} | {"format": 1}
    (copy / "sparse_attention.json").write_text(json.dumps(old))
    sparse = [
        load_model(DirectoryModel(path=str(models["llama"]), sparse=SparseModel(checkpoint=str(one)))).hooked
        for one in (copy, finished[1] / "exported")
    ]
    batch = torch.randint(2, 100, (2, 9))
    assert torch.equal(sparse[0](batch), sparse[1](batch))


@pytest.mark.parametrize("adapter", [{"kind": "lora", "rank": 2, "alpha": 4.0}, {"kind": "attention", "rank": 32}])
def test_training_goes_on_from_a_checkpoint(tmp_path, models, finished, adapter):
    """Its first row of the log is that of the model that the checkpoint holds; another gate is refused."""
    begin = str(finished[1] / "exported")
    path = config(tmp_path, models["llama"], begin=begin, adapter=adapter, learning_rate=1e-9, evaluate_every=1)
    folder = run(path)
    frontier = pd.read_csv(folder / "frontier.csv")
    assert frontier["stage"].tolist() == [0, 1, 2]
    assert frontier["density"].iloc[1] == pytest.approx(frontier["density"].iloc[0], abs=2e-3)
    with pytest.raises(UserError, match="has the gate 'score', this run has 'weight'"):
        run(path, "gate.kind=weight")


def test_a_run_is_not_gone_on_with_behind_another_beginning(tmp_path, models, finished):
    """Finished or killed in between, a training belongs to the weights that it began with."""
    begin = changed(finished[1] / "exported", tmp_path / "begin")
    folder = run(path := config(tmp_path, models["llama"], begin=str(begin), stages=[{"target": 2.0, "steps": 2}]))
    weights = begin / "adapter_model.safetensors"
    save_file({name: tensor + 0.01 for name, tensor in load_file(weights).items()}, weights)
    with pytest.raises(UserError, match=r"training.begin/adapter_model.safetensors: \w{10} then, \w{10} now"):
        run(path)
    (folder / "manifest.json").unlink()
    with pytest.raises(UserError, match=r"training.begin/adapter_model.safetensors: \w{10} then, \w{10} now"):
        run(path)


def test_biases_of_an_earlier_run_are_gone_on_from(tmp_path, models, finished):
    biases = {"head_bias": [[0.5] * 4] * 3, "first_bias": [[-1.0 * layer] * 4 for layer in range(3)]}
    copy = changed(finished[1] / "exported", tmp_path / "copy", **biases)
    path = config(tmp_path, models["llama"], begin=str(copy), stages=[{"target": 2.0, "steps": 1}])
    for gate, words in (
        ({}, "has biases of its own; say gate.learn_bias"),
        ({"learn_bias": True}, "has biases for the first token; give gate.first_bias, which they replace"),
        ({"learn_bias": True, "calibrate": {"price": 1}}, "both say where the gates' biases begin"),
    ):
        with pytest.raises(UserError, match=words):
            run(path, f"gate={json.dumps(gate)}")
    run(path, "training.bias_learning_rate=1e-9", f"gate={json.dumps({'learn_bias': True, 'first_bias': 7.0})}")
    about = read_checkpoint(tmp_path / "exported")
    for name, wanted in biases.items():
        torch.testing.assert_close(torch.tensor(getattr(about, name)), torch.tensor(wanted), atol=1e-5, rtol=0)
