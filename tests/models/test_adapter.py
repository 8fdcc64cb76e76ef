"""Adapters and sparse checkpoints: what fits is merged exactly, what does not is named, and no pickle is opened."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from interp.errors import UserError
from interp.models.adapter import low_rank
from interp.models.check import weights_sha256
from interp.models.config import DirectoryModel, SparseModel
from interp.models.directory import read_config, read_model
from interp.models.load import load_model
from interp.models.sparse_checkpoint import SparseCheckpoint, merged, write_checkpoint
from interp.sparsify.config import GateConfig, Lora, Training
from interp.sparsify.trainable import trainable
from tests.tiny_models import write_tiny_gpt2, write_tiny_llama

MODULES = {"llama": ["q_proj", "v_proj"], "gpt2": ["c_attn"]}
WRITERS = {"llama": write_tiny_llama, "gpt2": write_tiny_gpt2}
TENSORS = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Family -> (folder of the dense model, folder of its checkpoint): rank 2, alpha 4, random in both factors."""
    made = {}
    for family, write in WRITERS.items():
        dense = write(tmp_path_factory.mktemp("dense") / family)
        made[family] = dense, _checkpoint(tmp_path_factory.mktemp("checkpoint") / family, dense, MODULES[family])
    return made


def _checkpoint(folder: Path, dense: Path, modules: list[str]) -> Path:
    hf_model = read(dense)
    about = SparseCheckpoint(bias=0.5, base="tiny", base_weights_sha256=weights_sha256(hf_model))
    model = low_rank(hf_model, 2, 4.0, modules, fan_in_fan_out="c_attn" in modules, seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
    write_checkpoint(folder, model, about)
    return folder


def read(folder: Path):
    return read_model(folder, read_config(folder), torch.float32)


@pytest.mark.parametrize("family", MODULES)
def test_an_adapter_adds_its_product_to_the_weights(folders, family):
    dense, checkpoint = folders[family]
    base = read(dense)
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    after = merged(base, checkpoint, weights_sha256(base)).state_dict()
    tensors = {name: tensor.float() for name, tensor in load_file(checkpoint / TENSORS).items()}
    changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    for name in changed:
        stem = f"base_model.model.{name.removesuffix('.weight')}"
        product = 4.0 / 2 * tensors[f"{stem}.lora_B.weight"] @ tensors[f"{stem}.lora_A.weight"]
        torch.testing.assert_close(
            after[name] - before[name], product.T if family == "gpt2" else product, atol=1e-5, rtol=1e-4
        )
    assert len(changed) * 2 == len(tensors)


@pytest.mark.parametrize("family", MODULES)
def test_an_opened_twin_is_a_dense_model_with_the_checkpoints_weights(folders, family):
    dense, checkpoint = folders[family]
    loaded = load_model(
        DirectoryModel(path=str(dense), sparse=SparseModel(checkpoint=str(checkpoint), opened=True), prepend_bos=False)
    )
    tokens = torch.tensor([[3, 4, 5, 6, 7]])
    with torch.no_grad():
        base = read(dense)
        wanted = merged(base, checkpoint, weights_sha256(base))(tokens).logits.log_softmax(-1)
        found = loaded.hooked(tokens).log_softmax(-1)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    assert loaded.info.sparse.model_fields_set == {
        "opened",
        "checkpoint",
    }  # and nothing that was measured with the gates


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"opened": True}, "leave sparse out"), ({"opened": True, "checkpoint": "x", "bias": 1.0}, "no gate and no bias")],
)
def test_what_cannot_be_opened(settings, words):
    with pytest.raises(ValidationError, match=words):
        SparseModel(**settings)
    SparseModel(checkpoint="x", opened=True)


def edit(name: str, **changes: object):
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text()) | changes
        (folder / name).write_text(json.dumps(content))

    return change


def tensors(change):
    def write(folder: Path) -> None:
        found = load_file(folder / TENSORS)
        change(found)
        save_file(found, folder / TENSORS, metadata={"format": "pt"})

    return write


def one(found):
    return next(name for name in sorted(found) if "layers.1." in name and "lora_A" in name)


def only_strange(found):
    found.clear()
    found["base_model.model.nobody.lora_A.weight"] = torch.ones(2, 2)


DAMAGES = {
    r"layers\.1\..*lora_A.weight is missing": tensors(lambda found: found.pop(one(found))),
    r"are missing; base_model.model.nobody.lora_A.weight is not in the model": tensors(only_strange),
    r"has shape \[2, 31\], where the model has \[2, 32\]": tensors(
        lambda f: f.update({one(f): f[one(f)][:, :31].clone()})
    ),
    r"hold NaN or infinity in .*layers\.1": tensors(lambda f: f[one(f)].fill_(float("nan"))),
    r"lora_A.weight has rank 2, but adapter_config.json says r: 3$": edit("adapter_config.json", r=3),
    r"lora_A.weight has rank 2, but .* r: 1000000$": edit(
        "adapter_config.json", r=10**6
    ),  # nothing of that size is made
    r"hold no low-rank matrices": tensors(lambda found: found.clear()),
    r"do not fit: .*nobody": edit("adapter_config.json", target_modules=["nobody"]),
    r"r: must be a whole number, not '2'": edit("adapter_config.json", r="2"),
    r"peft_type: must be 'LORA'": edit("adapter_config.json", peft_type="IA3"),
    r"use_dora: must be": edit("adapter_config.json", use_dora=True),
    r"exclude_modules is set, and only plain LoRA is read": edit("adapter_config.json", exclude_modules=["q_proj"]),
    r"yet_to_come is set, and only": edit("adapter_config.json", yet_to_come={"a": 1}),
    r"init_lora_weights: must be": edit("adapter_config.json", init_lora_weights="pissa"),
    r"damaged or of another kind \(bias": edit("sparse_attention.json", bias="0.5"),
    r"kind \(bias: .*finite": edit("sparse_attention.json", bias=float("nan")),
    r"kind \(bias: .*valid number": edit("sparse_attention.json", bias=None),
    r"kind \(trained: .*density must be a number, not 'x'": edit("sparse_attention.json", trained={"density": "x"}),
    r"kind \(extra": edit("sparse_attention.json", extra=1),
    r"has format '2'; this version reads formats 1 to 3": edit("sparse_attention.json", format="2"),
    r"it must hold a JSON object, not a list": lambda folder: (folder / "sparse_attention.json").write_text("[]"),
    r"there is no adapter_model.safetensors; pickles": lambda f: (f / TENSORS).rename(f / "adapter_model.bin"),
}


def test_settings_that_are_switched_off_or_change_no_number_are_read(folders, tmp_path):
    dense, checkpoint = folders["llama"]
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    off = {"yet_to_come": None, "arrow_config": {}, "use_qalora": False, "init_lora_weights": "gaussian"}
    edit("adapter_config.json", **off, lora_dropout=0.1, base_model_name_or_path="x", peft_version="9")(copy)
    base = read(dense)
    merged(base, copy, weights_sha256(base))


@pytest.mark.parametrize("says", DAMAGES)
def test_a_checkpoint_that_does_not_fit_is_one_sentence_that_says_what(folders, tmp_path, says):
    dense, checkpoint = folders["llama"]
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    DAMAGES[says](copy)
    base = read(dense)
    with pytest.raises(UserError, match=says) as caught:
        merged(base, copy, weights_sha256(base))
    assert str(caught.value).startswith("model.sparse.checkpoint: ")
    assert "\n" not in str(caught.value)


def test_a_fully_trained_checkpoint_must_have_every_tensor(folders, tmp_path):
    dense, _ = folders["llama"]
    base = read(dense)
    state = {name: parameter.detach().clone() for name, parameter in base.named_parameters()}
    write_checkpoint(tmp_path / "c", base, SparseCheckpoint(0.0, "tiny", weights_sha256(base)))
    assert merged(read(dense), tmp_path / "c", weights_sha256(base)) is not None
    for changed, says in (
        (
            {name: one for name, one in state.items() if "2.mlp.up" not in name},
            "layers.2.mlp.up_proj.weight is missing",
        ),
        (state | {"strange": torch.ones(1)}, "strange is not in the model"),
    ):
        save_file(changed, tmp_path / "c" / "model.safetensors")
        with pytest.raises(UserError, match=says):
            merged(read(dense), tmp_path / "c", weights_sha256(base))


def begun(folders, begin: Path, **adapter: object):
    settings = {"rank": 2, "alpha": 4.0, "layers": "attention"} | adapter
    config = Training(adapter=Lora(**settings), stages=[{"target": 1.0, "steps": 1}], begin=str(begin))
    return trainable(read(folders["llama"][0]), config, GateConfig(bias=0.5), seed=1).model


@pytest.mark.parametrize("layers", ["attention", "all"])
def test_training_begins_with_the_very_adapter(folders, tmp_path, layers):
    every = ["q_proj", "k_proj", "v_proj", "o_proj"] + (
        ["gate_proj", "up_proj", "down_proj"] if layers == "all" else []
    )
    begin = _checkpoint(tmp_path / "begin", folders["llama"][0], every)
    model = begun(folders, begin, layers=layers)
    ours = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    theirs = load_file(begin / TENSORS)
    assert len(ours) == len(theirs)
    for name, tensor in theirs.items():
        assert torch.equal(ours[name.replace(".weight", ".default.weight")].detach(), tensor.float())


@pytest.mark.parametrize(
    ("adapter", "says"),
    [
        ({"rank": 4}, "has rank 2, but training.adapter asks for 4"),
        ({"alpha": 8.0}, "has alpha 4.0, but training.adapter asks for 8.0"),
        ({}, r"do not fit: .*self_attn.k_proj.lora_A.weight.* are missing"),
    ],
)
def test_training_begins_with_the_adapter_that_is_asked_for(folders, adapter, says):
    with pytest.raises(UserError, match=rf"training.begin: .*{says}"):
        begun(folders, folders["llama"][1], **adapter)


def test_training_begins_with_no_pickle_and_nothing_that_is_cut(folders, tmp_path):
    begin = _checkpoint(tmp_path / "begin", folders["llama"][0], ["q_proj", "k_proj", "v_proj", "o_proj"])
    trace = tmp_path / "opened"

    class Trap:
        def __reduce__(self):
            return open, (str(trace), "w")

    tensors(lambda found: found.pop(one(found)))(begin)
    with pytest.raises(UserError, match=r"training.begin: .*lora_A.weight is missing"):
        begun(folders, begin)
    (begin / TENSORS).unlink()
    (begin / "adapter_model.bin").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UserError, match=r"training.begin: .*pickles \(.bin\) are never loaded"):
        begun(folders, begin)
    assert not trace.exists()
