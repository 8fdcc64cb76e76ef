"""Randomness only through generators derived from the run's seed and a label."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *labels: str) -> np.random.Generator:
    """A generator that depends on the seed and the labels alone, not on what ran before."""
    digest = hashlib.sha256("\0".join([str(seed), *labels]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))
