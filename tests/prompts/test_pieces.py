"""Parts of characters as bytes, by byte-level BPE and by SentencePiece's byte fallback; long texts in sentences."""

from __future__ import annotations

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from interp.prompts.pieces import MOST, barred, shown, token_text


def byte_level():
    """Every byte a token, `大` one token beside them, and a merge of two of the three bytes of `小`."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {letter: number for number, letter in enumerate(letters)}
    whole = "".join(piece for piece, _ in pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str("小"))
    words[whole[:2]] = len(words)
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[(whole[0], whole[1])]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def texts(tokenizer, text):
    return [token_text(tokenizer, token) for token in tokenizer(text, add_special_tokens=False)["input_ids"]]


def test_different_parts_of_characters_have_different_texts():
    assert texts(byte_level(), "大小") == ["<E5>", "<A4>", "<A7>", "<E5><B0>", "<8F>"]


def test_whole_characters_and_a_real_replacement_character_stay():
    tokenizer = byte_level()
    assert texts(tokenizer, "a b\n\t") == ["a", " ", "b", "\n", "\t"]
    tokenizer.add_tokens(["\ufffd", "大"])
    assert texts(tokenizer, "\ufffd大") == ["\ufffd", "大"]


def test_byte_fallback_of_sentencepiece():
    words = {"<unk>": 0, "a": 1, **{f"<0x{byte:02X}>": 2 + byte for byte in range(256)}}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[], unk_token="<unk>", byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    assert texts(PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>"), "a大\n") == [
        *("a", "<E5>", "<A4>", "<A7>", "\n"),
    ]


def test_a_long_text_is_quoted_by_both_ends_and_a_short_one_whole():
    assert shown('say "x"') == repr('say "x"')
    assert barred(["a", " b"]) == "a| b"
    words = [f"w{number}" for number in range(10_000)]
    for long in (shown(" ".join(words)), barred(words)):
        assert len(long) < MOST + 10
        assert "w0" in long
        assert "w9999" in long
