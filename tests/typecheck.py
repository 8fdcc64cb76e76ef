"""What checks annotations while the tests run: beartype, in the rooms below; shapes by jaxtyping.

beartype takes an int where a float is wanted, as Python's typing does. In every test the first thirty calls of a function
are checked, and then every twentieth: a whole run calls some of them thirty thousand times, and checking each took a third of
its time.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype
from beartype.claw import beartype_packages

AS_TYPING = BeartypeConf(is_pep484_tower=True)
ALL_OF_THE_FIRST = 30
THEN_ONE_IN = 20

# jaxtyping holds the shapes of a call's arrays against each other, at a tenth of a millisecond a call.
WITH_ARRAYS = ("analysis", "interventions", "metrics", "probes")
# Elsewhere mypy alone looks: annotations there name modules that come in late, and tests put stand-ins in the place of real things.
WITHOUT = ("configs", "errors", "words")

checked = beartype(conf=AS_TYPING)
_jaxtyped = jaxtyping.jaxtyped


def install() -> None:
    """Check the modules of these rooms that are imported from now on."""
    jaxtyping.jaxtyped = often  # what jaxtyping's import hook decorates with
    jaxtyping.install_import_hook([f"interp.{room}" for room in WITH_ARRAYS], f"{__name__}.checked")
    beartype_packages([f"interp.{room}" for room in WITHOUT], conf=AS_TYPING)


_test = 0


def begin_test() -> None:
    """Count calls anew: what is checked in a test does not depend on the tests before it."""
    global _test
    _test += 1


def often(*, typechecker: Callable[..., Any]) -> Callable[[Any], Any]:
    """`jaxtyping.jaxtyped`, whose functions are checked on their first calls in a test and on some of the others."""

    def decorate(plain: Any) -> Any:
        whole = _jaxtyped(typechecker=typechecker)(plain)
        if not isinstance(plain, FunctionType):  # a class: its own functions have been decorated
            return whole
        test, calls = 0, 0

        @functools.wraps(whole)
        def sampled(*args: Any, **kwargs: Any) -> Any:
            nonlocal test, calls
            if test != _test:
                test, calls = _test, 0
            calls += 1
            if calls > ALL_OF_THE_FIRST and calls % THEN_ONE_IN:
                return plain(*args, **kwargs)
            return whole(*args, **kwargs)

        return sampled

    return decorate
