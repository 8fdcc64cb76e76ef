"""Tokens and texts as they are shown: a part of a character, a prompt of ten thousand tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from interp.errors import cut

MOST = 300  # characters of a text in a sentence
REPLACEMENT = "\ufffd"  # what a decoder writes for bytes that are no character
BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")  # SentencePiece's byte fallback


def shown(text: str) -> str:
    """A text in quotes, as a sentence can hold it: of a long one both ends."""
    return cut(repr(text), MOST)


def barred(tokens: Sequence[str]) -> str:
    """Tokens with bars between them, as a sentence can hold them: of a long prompt both ends."""
    return cut("|".join(tokens), MOST)


def token_text(tokenizer: Any, token: int) -> str:
    """The text of a token id; the bytes of a character that other tokens complete are written `<E5>`.

    So two tokens that are different parts of characters have different texts, where a decoder gives `\\ufffd` for both.
    """
    text = str(tokenizer.decode([token], clean_up_tokenization_spaces=False))
    if REPLACEMENT not in text:
        return text
    raw = _bytes(str(tokenizer.convert_ids_to_tokens(token)))
    if raw is None:
        return text
    return "".join(
        f"<{ord(char) - 0xDC00:02X}>" if 0xDC80 <= ord(char) <= 0xDCFF else char
        for char in raw.decode("utf-8", "surrogateescape")
    )


def _bytes(piece: str) -> bytes | None:
    """The bytes that a vocabulary's entry stands for; None where it is not written in bytes."""
    if match := BYTE.fullmatch(piece):
        return bytes.fromhex(match[1])
    alphabet = _alphabet()
    return bytes(alphabet[char] for char in piece) if all(char in alphabet for char in piece) else None


@cache
def _alphabet() -> dict[str, int]:
    """Byte-level BPE's letters -> the bytes that they are written for (GPT-2's table)."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return {letter: byte for byte, letter in bytes_to_unicode().items()}
