"""Tiny Hugging Face directories with random weights, and a tokenizer that knows the project's words."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from interp.prompts.builtin.antonyms import TEMPLATES, WORD_PAIRS

FIGURE = 'The opposite of "large" is "'


def word_tokenizer(*more: str) -> PreTrainedTokenizerFast:
    """Words with their leading space, and quotation marks, are tokens; the figure's prompt has exactly eight."""
    split = pre_tokenizers.Split(Regex(r' ?"| ?[^" ]+'), behavior="isolated")
    words: dict[str, int] = {"<s>": 0, "<unk>": 1}
    texts = [
        *(template.format(word=word) for template in TEMPLATES for word in WORD_PAIRS),
        *WORD_PAIRS.values(),
        *(f" {answer}" for answer in WORD_PAIRS.values()),
        'The synonym of "large" is "',
        " a",
        *more,
    ]
    for text in texts:
        for piece, _ in split.pre_tokenize_str(text):
            words.setdefault(piece, len(words))
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = split
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="<unk>")


def boundary_tokenizer() -> PreTrainedTokenizerFast:
    """As Llama 2's: a word boundary `▁` is put before every text, and stands for every space. `"` before a word is a token
    of its own; a space before another space or at the end is one, too."""
    words = sorted({*WORD_PAIRS, *WORD_PAIRS.values(), "The", "opposite", "antonym", "synonym", "of", "is", "a"})
    pieces = ["<unk>", "<s>", "</s>", "▁", '"', '▁"', *words, *(f"▁{word}" for word in words)]
    model = models.Unigram(
        [(piece, -1.0 if piece[:1] == "▁" and len(piece) > 1 else -2.0) for piece in pieces], unk_id=0
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def write_tiny_gpt2(folder: Path, seed: int = 0, **changes: object) -> Path:
    """A random GPT-2 of 3 layers x 4 heads, with biases that matter."""
    tokenizer = word_tokenizer()
    torch.manual_seed(seed)
    sizes = {"n_layer": 3, "n_head": 4, "n_embd": 32, "n_positions": 32, "vocab_size": len(tokenizer)} | changes
    return write_random(folder, GPT2LMHeadModel(GPT2Config(**sizes)), tokenizer)


def write_tiny_llama(
    folder: Path, seed: int = 0, tokenizer: PreTrainedTokenizerFast | None = None, **changes: object
) -> Path:
    """A random Llama of 3 layers, 4 query heads on 2 key-value heads."""
    tokenizer = tokenizer or word_tokenizer()
    torch.manual_seed(seed)
    sizes = {
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "hidden_size": 32,
        "intermediate_size": 48,
        "max_position_embeddings": 32,
        "vocab_size": len(tokenizer),
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 5000.0},
    } | changes
    return write_random(folder, LlamaForCausalLM(LlamaConfig(**sizes)), tokenizer)


def write_random(folder: Path, model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast) -> Path:
    """The model as a Hugging Face directory, its weights random, biases and gains included."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Random biases and gains: zeros and ones would hide a mistake in folding them.
            spread = torch.randn_like(parameter) * (0.3 if parameter.ndim > 1 else 0.2)
            parameter.copy_(
                1 + spread if ("norm" in name and "weight" in name) or ("ln_" in name and "weight" in name) else spread
            )
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return folder


def write_random_twin(folder: Path, dense: Path, bias: float = 0.0, size: float = 0.1) -> Path:
    """A sparse checkpoint of a tiny model: random rank-2 differences of its attention weights, and the score gate."""
    from interp.models.check import weights_sha256
    from interp.models.directory import read_config, read_model
    from interp.models.sparse_checkpoint import SparseCheckpoint, write_checkpoint
    from interp.models.svd_adapter import difference
    from interp.sparsify.trainable import attention_matrices

    base, changed = (read_model(dense, read_config(dense), torch.float32) for _ in range(2))
    names, generator = attention_matrices(changed), torch.Generator().manual_seed(0)
    modules = dict(changed.named_modules())
    with torch.no_grad():
        for name in names:
            modules[name].weight += size * torch.randn(modules[name].weight.shape, generator=generator)
    about = SparseCheckpoint(bias=bias, base=dense.name, base_weights_sha256=weights_sha256(base))
    write_checkpoint(folder, changed, about, difference(changed, base, names, 2))
    return folder
