"""Tiny Hugging Face directories, one of each of the two families that models have the longest roads through."""

from __future__ import annotations

import pytest

from tests.tiny_models import write_tiny_gpt2, write_tiny_llama

WRITERS = {"gpt2": write_tiny_gpt2, "llama": write_tiny_llama}


@pytest.fixture(params=WRITERS)
def folder(request, tmp_path):
    return WRITERS[request.param](tmp_path / request.param)
