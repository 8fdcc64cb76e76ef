"""Two-digit addition as text, digit by digit: `36+28=00064`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

VOCABULARY = "0123456789+="
ANSWER = 5  # digits of the answer, zero-padded
QUESTION = 6  # tokens of `36+28=`
TEST_SHARE = 0.1


@dataclass(frozen=True)
class Sums:
    """All sums as tokens (question and answer), those kept for the test apart, by the hash of the sum."""

    train: Int[Tensor, "trained pos"]
    test: Int[Tensor, "tested pos"]


def text(a: int, b: int) -> str:
    """`36+28=00064`."""
    return f"{a:02d}+{b:02d}={a + b:0{ANSWER}d}"


def encode(texts: list[str]) -> Int[Tensor, "sum pos"]:
    """Characters as token numbers."""
    return torch.tensor([[VOCABULARY.index(character) for character in sum_] for sum_ in texts])


def decode(tokens: Int[Tensor, " pos"]) -> str:
    """Token numbers as characters."""
    return "".join(VOCABULARY[token] for token in tokens.tolist())


def all_sums() -> Sums:
    """The 10,000 sums of two numbers below 100; a tenth of them is only tested on."""
    texts = [text(a, b) for a in range(100) for b in range(100)]
    tokens = encode(texts)
    test = torch.tensor([_tested(sum_) for sum_ in texts])
    return Sums(tokens[~test], tokens[test])


def carries(a: int, b: int) -> int:
    """How many carries the sum has: 0, 1 or 2."""
    ones = a % 10 + b % 10 >= 10
    return int(ones) + int(a // 10 + b // 10 + ones >= 10)


def exact(predicted: Int[Tensor, "sum prediction"], tokens: Int[Tensor, "sum pos"]) -> Bool[Tensor, " sum"]:
    """Whether all digits of the answer are right; `predicted[:, i]` is the prediction for token i + 1.

    A sum is right here exactly when greedy decoding from the question alone writes the right answer.
    """
    return (predicted[:, QUESTION - 1 : QUESTION - 1 + ANSWER] == tokens[:, QUESTION:]).all(dim=1)


def _tested(sum_: str) -> bool:
    return hashlib.sha256(sum_.encode()).digest()[0] < 256 * TEST_SHARE
