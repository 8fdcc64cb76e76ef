"""Whole training runs on tiny random models: from YAML to a checkpoint that the analysis side can load."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from rich.console import Console
from ruamel.yaml import YAML
from safetensors.torch import load_file, save_file

from interp.errors import UserError
from interp.models import DirectoryModel, load_model
from interp.models.config import SparseModel
from interp.models.directory import read_config, read_model
from interp.models.sparse_attention import gate_facts
from interp.models.sparse_checkpoint import read_checkpoint
from interp.runs.kinds import load_any
from interp.sparsify import train
from interp.sparsify.checkpoint import Checkpoints
from interp.sparsify.config import ALWAYS_OPEN, AttentionWeights, GateConfig, Loss, Stage, Training
from interp.sparsify.trainable import trainable
from tests.tiny_models import write_tiny_gpt2, write_tiny_llama

QUIET = Console(quiet=True)
STAGES = [{"target": 2.0, "steps": 6}, {"target": 1.0, "steps": 4}]


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("INTERP_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


def config(folder: Path, model: Path, **training):
    settings = {
        "study": "sparsify",
        "name": "tiny",
        "model": {"source": "directory", "path": str(model)},
        "text": {"of": {"source": "sampled", "sequences": 40}, "context": 12, "lengths": [6, 12, 24]},
        "untrained": {"sequences": 4},
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


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {"llama": write_tiny_llama(folder / "llama"), "gpt2": write_tiny_gpt2(folder / "gpt2")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, models):
    folder = tmp_path_factory.mktemp("finished")
    return run(config(folder, models["llama"])), folder


def log(run_folder: Path) -> pd.DataFrame:
    return pd.read_csv(run_folder / "log.csv").drop(columns="seconds")


def test_a_run_writes_checkpoints_tables_and_a_report(finished):
    folder, _ = finished
    assert [int(step) for step in log(folder)["step"]] == list(range(1, 11))
    frontier = pd.read_csv(folder / "frontier.csv")
    assert frontier["stage"].tolist() == [1, 2]
    assert frontier["density"].between(0, 1).all()
    baseline = pd.read_csv(folder / "baseline.csv").sort_values("bias")
    assert sorted(baseline["length"].unique()) == [6, 12]
    for _, mine in baseline.groupby(["gate", "length"]):
        assert len(mine) == 7
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


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", [3, 6, 9])
def test_an_interrupted_run_goes_on_as_if_nothing_had_been(tmp_path, models, finished, monkeypatch, at):
    path = config(tmp_path, models["llama"])
    step = train.Trainer._step

    def killed(self, number, *rest):
        if number == at:
            raise Killed
        return step(self, number, *rest)

    monkeypatch.setattr(train.Trainer, "_step", killed)
    with pytest.raises(Killed):
        run(path)
    monkeypatch.setattr(train.Trainer, "_step", step)
    folder = run(path)
    pd.testing.assert_frame_equal(log(folder), log(finished[0]), check_exact=True)
    ours, theirs = (load_file(one / "exported" / "adapter_model.safetensors") for one in (tmp_path, finished[1]))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_half_written_checkpoint_does_not_count(tmp_path):
    folder = tmp_path / "checkpoints"
    (folder / "step-0000004.building").mkdir(parents=True)
    assert Checkpoints(folder).last() is None


def test_nan_stops_the_run_and_keeps_the_last_checkpoint(tmp_path, models, monkeypatch):
    loss = train.excess_loss

    def broken(*arguments):
        broken.calls += 1
        return loss(*arguments) * (float("nan") if broken.calls > 5 else 1.0)

    broken.calls = 0
    monkeypatch.setattr(train, "excess_loss", broken)
    path = config(tmp_path, models["llama"])
    with pytest.raises(
        UserError, match=r"stopped at step 6: .* NaN or infinite; the last good checkpoint, .*step-0000004, is kept"
    ):
        run(path)


def test_a_diverging_loss_stops_the_run(tmp_path, models):
    with pytest.raises(UserError, match="nats above its target"):
        run(
            config(tmp_path, models["llama"], learning_rate=3.0, diverged=0.01, stages=[{"target": 0.001, "steps": 50}])
        )


def test_a_full_disk_is_one_sentence(tmp_path, models, monkeypatch):
    from interp.sparsify import checkpoint

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(UserError, match=r"cannot write to .*No space left on device"):
        run(config(tmp_path, models["llama"]))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["training.stages.0.target=-0.1"], "the dense model itself does not reach"),
        (["training.stages.0.target=0"], "the dense model itself does not reach"),
        (["text.context=100"], "text.context: 100 tokens are more than llama's context of 32"),
        (["model.path=/nowhere"], "there is no directory /nowhere"),
        (["model={source: pypi, name: nothing}"], "nothing"),
        (["training.loss={kl: 0, cross_entropy: 0}"], "both weights are 0"),
        (["model.sparse={bias: 0}"], "training begins with a dense model"),
        (["study=sparsifi"], "there is no 'sparsifi'.*sparsify"),
        (["training.batchsize=3"], "training.batchsize: unknown key"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, models, overrides, words):
    with pytest.raises(UserError, match=words):
        run(config(tmp_path, models["llama"]), *overrides)


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
    assert sparse.info.sparse == {"gate": "score", "bias": 0.0, "checkpoint": None}
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
    assert made.info.sparse["head_bias_range"] == pytest.approx([-2.0, 0.3])
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
    from interp.prompts.antonyms import Antonyms

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


ATTENTION = {"kind": "attention", "rank": 16}


def control_of(folder: Path) -> Path:
    (found,) = (folder.parents[1] / "tiny-control").iterdir()
    return found


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_under_a_pure_kl_loss_the_control_is_the_dense_model(tmp_path, models, family):
    """Gates open, at the dense weights: loss and gradient are 0 but for rounding, so there is nothing to learn."""
    asked = Training(adapter=AttentionWeights(), stages=(Stage(target=1.0, steps=1),))
    dense = read_model(models[family], read_config(models[family]), torch.float32).eval()
    made = trainable(dense, asked, GateConfig(kind="weight", bias=ALWAYS_OPEN), 0)
    tokens = torch.randint(2, 100, (2, 9), generator=torch.Generator().manual_seed(0))
    teacher = made.teacher(tokens).log_softmax(-1)
    largest = {}
    for name, weights in (("kl", Loss()), ("cross_entropy", Loss(kl=0.0, cross_entropy=1.0))):
        with made.gate.running("train", torch.Generator().manual_seed(0)) as counted:
            student = made.model(tokens).logits.log_softmax(-1)
            loss = train.excess_loss(weights, teacher, student, tokens)
        assert counted.measured == 1.0
        assert abs(float(loss.detach())) < 1e-5
        made.model.zero_grad()
        (loss + counted.expected).backward()
        largest[name] = max(float(one.grad.abs().max()) for one in made.model.parameters() if one.requires_grad)
    assert largest["kl"] < 1e-5
    assert largest["cross_entropy"] > 1e-3
    with pytest.raises(
        UserError, match=r"the control would be the dense model itself; give training.loss.cross_entropy"
    ):
        load_any(config(tmp_path, models[family]), ["control=true"])


def test_a_control_trains_on_the_same_text_with_every_gate_open(tmp_path, models):
    loss = {"kl": 0.0, "cross_entropy": 1.0}
    path = config(tmp_path, models["llama"], adapter=ATTENTION, loss=loss)
    with pytest.raises(UserError, match="a control has to start from the dense model"):
        load_any(path, ["control=true", "training.begin=x"])
    folder = run(path, "control=true", "gate={kind: weight, learn_bias: true}")
    sparse, control = read_checkpoint(tmp_path / "exported"), read_checkpoint(tmp_path / "exported-control")
    for name in ("seed", "steps", "text_sha256", "context", "target"):
        assert control.trained[name] == sparse.trained[name]
    assert (control.trained["density"], control.head_bias) == (1.0, None)
    assert sparse.trained["density"] < 1
    rows = log(control_of(folder))
    assert abs(rows["loss"].iloc[0]) < 1e-4  # the dense model, which it starts from
    assert abs(rows["loss"].iloc[-1]) > 1e-3
    twin = SparseModel(checkpoint=str(tmp_path / "exported-control"))
    loaded = load_model(DirectoryModel(path=str(models["llama"]), sparse=twin)).hooked
    facts = gate_facts(loaded, torch.randint(2, 100, (2, 9)))
    assert facts["open"] == facts["edges"]


def test_a_run_without_untrained_gates_has_its_frontier_all_the_same(tmp_path, models):
    path = config(tmp_path, models["llama"], stages=[{"target": 1.0, "steps": 1}])
    folder = run(path, "untrained={score: [], weight: []}")
    assert pd.read_csv(folder / "figures" / "frontier_by_length.csv")["length"].tolist() == [6, 12]
