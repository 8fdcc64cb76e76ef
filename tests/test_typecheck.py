"""Annotations are checked while tests run: of the first calls in a test all, of the others some."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import Float, TypeCheckError
from torch import Tensor

from tests import typecheck


def refused(function, *arguments) -> bool:
    try:
        function(*arguments)
    except TypeCheckError:
        return True
    return False


@pytest.fixture
def add():
    @typecheck.often(typechecker=typecheck.checked)
    def add(one: Float[Tensor, " prompt"], other: Float[Tensor, " prompt"]) -> Float[Tensor, " prompt"]:
        return one + other

    return add


RIGHT, WRONG = (torch.ones(2), torch.ones(2)), (torch.ones(2), torch.ones(1))


def test_shapes_that_do_not_go_together_are_told_from_the_first_call(add):
    assert not refused(add, *RIGHT)
    assert refused(add, *WRONG)


def test_after_many_calls_one_in_twenty_is_checked_until_the_next_test(add):
    assert [refused(add, *WRONG) for _ in range(typecheck.ALL_OF_THE_FIRST)] == [True] * typecheck.ALL_OF_THE_FIRST
    assert sum(refused(add, *WRONG) for _ in range(3 * typecheck.THEN_ONE_IN)) == 3
    typecheck.begin_test()
    assert refused(add, *WRONG)
