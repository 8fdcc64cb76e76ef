"""What the checks of annotations (tests.typecheck) look at, and what they let pass."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintParamViolation

from tests import typecheck

LEDGER = """
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    import decimal

    from {other} import Account

Heads = Float[np.ndarray, " head"]


def entered(amount: int, account: Account | None, share: float = 0.0) -> decimal.Decimal | None:
    return None


def added(first: Heads, second: Heads) -> Heads:
    return first + second


@dataclass(frozen=True)
class Entry:
    account: Account
    heads: Heads
"""
ACCOUNTS = '''
from __future__ import annotations

from dataclasses import dataclass

import {other}


class Account:
    """Somebody's."""


@dataclass(frozen=True)
class Booked({other}.Entry):
    day: int
'''


@pytest.fixture
def rooms(tmp_path, monkeypatch):
    """(module with a name that comes late, module that it comes from), checked as the package's rooms are."""
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "__init__.py").write_text("")
    (tmp_path / "house" / "ledger.py").write_text(LEDGER.format(other="house.accounts"))
    (tmp_path / "house" / "accounts.py").write_text(ACCOUNTS.format(other="house.ledger"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(typecheck, "PACKAGE", "house")
    monkeypatch.setattr(typecheck, "ROOMS", ("ledger", "accounts"))
    monkeypatch.setattr(sys, "meta_path", [typecheck.Finder(), *sys.meta_path])
    from house import accounts, ledger

    yield ledger, accounts
    for name in [name for name in sys.modules if name.split(".")[0] == "house"]:
        del sys.modules[name]


def test_a_name_that_comes_late_is_held_to(rooms):
    ledger, accounts = rooms
    assert ledger.entered(1, accounts.Account()) is None
    assert ledger.entered(1, None, share=1) is None  # an int where a float is wanted
    with pytest.raises(BeartypeCallHintParamViolation, match="account"):
        ledger.entered(1, "mine")


def test_shapes_are_held_against_each_other(rooms):
    ledger, _ = rooms
    assert ledger.added(np.ones(3), np.ones(3)).tolist() == [2, 2, 2]
    with pytest.raises(BeartypeCallHintParamViolation, match="head"):
        ledger.added(np.ones(3), np.ones(4))


def test_fields_are_held_to_those_inherited_from_another_module_included(rooms):
    ledger, accounts = rooms
    mine = accounts.Account()
    assert ledger.Entry(mine, np.ones(2)).account is mine
    assert accounts.Booked(mine, np.ones(2), 3).day == 3
    with pytest.raises(BeartypeCallHintParamViolation, match="account"):
        ledger.Entry("mine", np.ones(2))
    with pytest.raises(BeartypeCallHintParamViolation, match="heads"):
        accounts.Booked(mine, np.ones((2, 2)), 3)


def test_a_name_for_annotations_alone_stays_unknown_to_the_code(rooms):
    ledger, _ = rooms
    assert "Account" not in vars(ledger)
    assert "decimal" not in vars(ledger)


def test_after_many_calls_with_arrays_one_in_twenty_is_checked_until_the_next_test(rooms):
    ledger, _ = rooms

    def refused() -> bool:
        try:
            ledger.added(np.ones(3), np.ones(1))
        except BeartypeCallHintParamViolation:
            return True
        return False

    assert [refused() for _ in range(typecheck.ALL_OF_THE_FIRST)] == [True] * typecheck.ALL_OF_THE_FIRST
    assert sum(refused() for _ in range(3 * typecheck.THEN_ONE_IN)) == 3
    typecheck.begin_test()
    assert refused()


def test_what_names_no_array_is_checked_at_every_call(rooms):
    ledger, _ = rooms
    for _ in range(2 * typecheck.ALL_OF_THE_FIRST):
        with pytest.raises(BeartypeCallHintParamViolation, match="amount"):
            ledger.entered("one", None)
