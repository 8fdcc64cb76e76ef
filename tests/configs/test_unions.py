"""A value that may be several things is told the mistake that it has, and not that it is none of the others."""

from __future__ import annotations

import pytest

from interp.configs.loading import validate_as
from interp.errors import UserError
from interp.sparsify.config import SparsifyConfig

SPARSIFY = {
    "study": "sparsify",
    "name": "a",
    "model": {"source": "directory", "path": "m"},
    "training": {"stages": [{"target": 0.1, "steps": 3}]},
}


@pytest.mark.parametrize(
    ("of", "says"),
    [
        ({"source": "fil", "path": "x"}, "of.source: there is no 'fil'; did you mean 'file'?"),
        ([{"source": "file", "pth": "x"}], "of.0.path: this key is missing; text.of.0.pth: unknown key; did you mean 'path'?"),
        ([{"source": "sampled"}, 3], "of.1: must be a mapping, not 3"),
        ("abc", "of: must be a mapping or a list, not 'abc'"),
        ([], "of: must have at least 1 entry, but it has 0"),
        ({"source": "sampled", "openings": "vocabulry"}, "of.openings: must be 'vocabulary' or a list, not 'vocabulry'"),
        ({"source": "sampled", "openings": [1]}, "of.openings.0: must be text, not 1"),
    ],
)  # fmt: skip
def test_only_the_real_mistake_is_told(of, says):
    with pytest.raises(UserError) as caught:
        validate_as(SparsifyConfig, SPARSIFY | {"text": {"of": of}}, "here")
    assert str(caught.value) == f"here: text.{says}"


@pytest.mark.parametrize(
    "of",
    [
        {"source": "file", "path": "x"},
        [{"source": "sampled", "openings": "vocabulary"}, {"source": "sampled", "openings": ["A"]}],
    ],
)
def test_every_shape_is_valid(of):
    assert validate_as(SparsifyConfig, SPARSIFY | {"text": {"of": of}}, "here").text.of
