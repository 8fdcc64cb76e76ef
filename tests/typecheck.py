"""What checks annotations while the tests run: beartype, in the rooms below; shapes by jaxtyping.

beartype takes an int where a float is wanted, as Python's typing does.
"""

from __future__ import annotations

from beartype import BeartypeConf, beartype
from beartype.claw import beartype_packages
from jaxtyping import install_import_hook

AS_TYPING = BeartypeConf(is_pep484_tower=True)
checked = beartype(conf=AS_TYPING)

# jaxtyping holds the shapes of a call's arrays against each other, at a tenth of a millisecond a call.
WITH_ARRAYS = ("analysis", "interventions", "metrics", "probes")
# Elsewhere mypy alone looks: annotations there name modules that come in late, and tests put stand-ins in the place of real things.
WITHOUT = ("configs", "errors", "words")


def install() -> None:
    """Check the modules of these rooms that are imported from now on."""
    install_import_hook([f"interp.{room}" for room in WITH_ARRAYS], f"{__name__}.checked")
    beartype_packages([f"interp.{room}" for room in WITHOUT], conf=AS_TYPING)
