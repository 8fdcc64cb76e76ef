"""Models of few words and short contexts: they load, and are held against Hugging Face on the run's own prompt."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from interp.models import DirectoryModel, load_model
from tests.tiny_models import FIGURE, write_tiny_gpt2, write_tiny_llama


def with_words(folder, words, split):
    """Give a model's folder a word-level tokenizer without an unknown token."""
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}))
    tokenizer.pre_tokenizer = split
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return DirectoryModel(path=str(folder))


@pytest.mark.parametrize("context", [5, 6, 16])
@pytest.mark.parametrize("write", [write_tiny_gpt2, write_tiny_llama])
def test_short_contexts_cut_the_prompt(tmp_path, write, context):
    sizes = {"n_positions": context} if write is write_tiny_gpt2 else {"max_position_embeddings": context}
    folder = write(tmp_path / "m", **sizes)
    info = load_model(DirectoryModel(path=str(folder)), prompt=FIGURE).info
    assert info.logits_max_abs_diff < 1e-3
    assert (info.checked_prompt == FIGURE) is (context >= 8)
    assert load_model(DirectoryModel(path=str(folder))).info.checked_prompt.startswith("tokens ")


def test_a_tokenizer_without_an_unknown_token(tmp_path):
    words = ["up", "down", "left", "right", "is", "not"]
    config = with_words(write_tiny_gpt2(tmp_path / "m", vocab_size=6), words, pre_tokenizers.Whitespace())
    assert load_model(config, prompt="up is not").info.checked_prompt == "up is not"
    # A prompt that it cannot take is told where prompts are encoded; the model loads.
    assert load_model(config, prompt="The opposite").info.checked_prompt.startswith("tokens ")


def test_a_tokenizer_of_digits_is_not_empty(tmp_path):
    split = pre_tokenizers.Split("", "isolated")
    config = with_words(write_tiny_llama(tmp_path / "m", vocab_size=12), [*"0123456789", "+", "="], split)
    assert load_model(config, prompt="12+34=").info.checked_prompt == "12+34="


def test_a_prompt_beyond_the_embedding_is_left_to_those_who_encode_it(tmp_path):
    config = with_words(
        write_tiny_gpt2(tmp_path / "m", vocab_size=3), ["a", "b", "c", "d"], pre_tokenizers.Whitespace()
    )
    assert load_model(config, prompt="a d").info.checked_prompt.startswith("tokens ")
