"""Every way to hand over a bad directory: one clear sentence each, from `validate` and from a run alike."""

from __future__ import annotations

import pytest
import torch
from transformers import GPT2TokenizerFast

from interp.errors import UserError
from interp.models import DirectoryModel, load_model, model_dimensions
from tests.models.by_hand import edit, index, rewrite
from tests.tiny_models import write_tiny_gpt2, write_tiny_llama


def a_weight(tensors: dict[str, torch.Tensor]) -> str:
    return next(name for name in sorted(tensors) if ".1." in name and tensors[name].ndim == 2)


def without_one(tensors):
    del tensors[a_weight(tensors)]


def transposed(tensors):
    name = next(name for name in tensors if ("wte" in name or "embed_tokens" in name))
    tensors[name] = tensors[name].T.contiguous()


def not_a_number(tensors):
    tensors[a_weight(tensors)][0, 0] = float("nan")


def in_integers(tensors):
    tensors[a_weight(tensors)] = tensors[a_weight(tensors)].to(torch.int8)


DAMAGES = {
    "there is no directory": lambda folder: folder.rename(folder.with_name("elsewhere")),
    "holds no config.json": lambda folder: (folder / "config.json").unlink(),
    "config.json cannot be read": lambda folder: (folder / "config.json").write_text("{"),
    "must hold a JSON object, not a list": lambda folder: (folder / "config.json").write_text("[1]"),
    "cannot be read: it is no JSON": lambda folder: (folder / "config.json").write_text("[" * 100_000),
    "holds no safetensors": lambda folder: (folder / "model.safetensors").unlink(),
    "weights .* cannot be read": lambda folder: (folder / "model.safetensors").write_bytes(b"\x00" * 64),
    "only pickled weights": lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
    "holds no tokenizer": lambda folder: [path.unlink() for path in folder.glob("tokenizer*")],
    "'BloomForCausalLM' is not supported": lambda folder: edit(folder, architectures=["BloomForCausalLM"]),
    "model_type None, which transformers does not know": lambda folder: edit(folder, model_type=None),
    "hidden_act|activation_function": lambda folder: edit(folder, hidden_act="swish7", activation_function="swish7"),
    "architectures: must be a list, not 'LlamaForCausalLM'": lambda folder: edit(
        folder, architectures="LlamaForCausalLM"
    ),
    "33 is not a multiple of": lambda folder: edit(folder, hidden_size=33, n_embd=33),
    "(hidden_size|n_embd): must be a whole number, not 'wide'": lambda folder: edit(
        folder, hidden_size="wide", n_embd="wide"
    ),
    "heads?: must be greater than or equal to 1": lambda folder: edit(folder, num_attention_heads=0, n_head=0),
    "eps.*: must be a .*number, not None": lambda folder: edit(folder, rms_norm_eps=None, layer_norm_epsilon=None),
    "dtype: must be .*not 'float7'": lambda folder: edit(folder, dtype="float7"),
    "vocab_size: must be greater than or equal to 2, not -1": lambda folder: edit(folder, vocab_size=-1),
    "quantization_config": lambda folder: edit(folder, quantization_config={"quant_method": "gptq"}),
    "layers?: must be less than": lambda folder: edit(folder, num_hidden_layers=10**9, n_layer=10**9),
    "have 3 layers, but its config.json says 2": lambda folder: edit(folder, num_hidden_layers=2, n_layer=2),
    "have 3 layers, but its config.json says 9999": lambda folder: edit(folder, num_hidden_layers=9999, n_layer=9999),
    "has shape .* where the model has": lambda folder: edit(folder, vocab_size=1_000_000),
    "weight is missing": lambda folder: rewrite(folder, without_one),
    "strange.weight is not in the model": lambda folder: rewrite(
        folder, lambda t: t.update({"strange.weight": torch.ones(2)})
    ),
    "(wte|embed_tokens).weight has shape": lambda folder: rewrite(folder, transposed),
    "hold NaN or infinity in": lambda folder: rewrite(folder, not_a_number),
    "quantised weights are not read": lambda folder: rewrite(folder, in_integers),
    "tokenizer_config.json cannot be read: it must hold": lambda folder: (folder / "tokenizer_config.json").write_text(
        "[]"
    ),
    "tokenizer in .* cannot be read": lambda folder: (folder / "tokenizer.json").write_text('{"model": 3}'),
    "names 'pytorch_model.bin'; only safetensors": lambda folder: index(
        folder, {"weight_map": {"a": "pytorch_model.bin"}}
    ),
    "'../model.safetensors', which does not lie": lambda folder: index(
        folder, {"weight_map": {"a": "../model.safetensors"}}
    ),
    "'/tmp/model.safetensors', which does not lie": lambda folder: index(
        folder, {"weight_map": {"a": "/tmp/model.safetensors"}}
    ),
    "has no weight_map": lambda folder: index(folder, {"weight_map": ["a"]}),
}


@pytest.mark.parametrize("says", DAMAGES)
def test_a_bad_directory_is_one_clear_sentence(folder, says):
    DAMAGES[says](folder)
    looks = [load_model]
    if "NaN" in says:
        assert model_dimensions(DirectoryModel(path=str(folder))) is not None  # only the weights themselves tell
    else:
        looks.append(model_dimensions)  # what `interp validate` looks at
    for look in looks:
        with pytest.raises(UserError, match=says) as caught:
            look(DirectoryModel(path=str(folder)))
        assert "\n" not in str(caught.value)
        assert "['" not in str(caught.value)
        assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"head_dim": 7}, "head_dim is 7, which is odd"),
        ({"num_key_value_heads": 3}, "4 is not a multiple of num_key_value_heads 3"),
        (
            {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}},
            "rope_parameters.rope_type: must be .*not 'dynamic'",
        ),
        ({"rope_parameters": {"rope_type": "linear"}}, "rope_type linear needs factor"),
        ({"rope_parameters": {"rope_theta": float("nan")}}, "rope_theta: must be .*finite"),
        ({"model_type": "mistral"}, "'mistral'"),
    ],
)
def test_what_a_llama_cannot_be(tmp_path, changes, says):
    folder = write_tiny_llama(tmp_path / "m")
    edit(folder, **changes)
    with pytest.raises(UserError, match=says):
        model_dimensions(DirectoryModel(path=str(folder)))


def test_a_pad_token_that_only_the_tokenizer_has_changes_nothing(tmp_path):
    folder = write_tiny_llama(tmp_path / "m")
    before = load_model(DirectoryModel(path=str(folder)))
    edit(folder, pad_token_id=10**9)
    assert model_dimensions(DirectoryModel(path=str(folder))) is not None
    assert load_model(DirectoryModel(path=str(folder))).info.weights_sha256 == before.info.weights_sha256


def test_paths_that_are_none_and_the_home_folder(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"model.path: .* NUL"):
        load_model(DirectoryModel(path="a\0b"))
    with pytest.raises(UserError, match=r"model.path: .* surrogate"):
        load_model(DirectoryModel(path="a\ud800"))
    write_tiny_gpt2(tmp_path / "m")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert model_dimensions(DirectoryModel(path="~/m"))[0].name == "m"


def test_an_empty_tokenizer_is_refused(tmp_path):
    folder = write_tiny_gpt2(tmp_path / "m")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    GPT2TokenizerFast(vocab={}, merges=[]).save_pretrained(folder)
    with pytest.raises(UserError, match="tokenizer in .* is empty"):
        load_model(DirectoryModel(path=str(folder)))


def test_a_device_that_is_not_there_is_refused(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(UserError, match="finds no CUDA device"):
        load_model(DirectoryModel(path=str(write_tiny_gpt2(tmp_path / "m")), device="cuda"))
