"""Variants that the tables could not tell apart are refused before anything is measured."""

from __future__ import annotations

from typing import Literal

import pytest

from interp.errors import UserError
from interp.interventions.edits import Edit, Variant
from interp.measure.study import Selection, Study
from interp.probes import Probe
from tests.interventions.models import random_prompts


class Sets(Probe):
    """Sets of heads, named or not."""

    kind: Literal["sets"] = "sets"
    made: tuple[Variant, ...]

    def variants(self, study):
        return self.made


def check(*made):
    prompts = random_prompts()
    study = Study.__new__(Study)
    study.select = lambda choice: [Selection(prompts, (0, 1))]
    Sets.model_construct(made=made, prompts="all").check(study)


A, B = Edit("z", 0, 1), Edit("z", 0, 2)


@pytest.mark.parametrize(
    ("made", "twin"),
    [
        ((Variant((A, B)), Variant((B, Edit("z", 1, 0)))), (Variant((A, B), part="x"), Variant((B, A), part="y"))),
        ((Variant((A, B)), Variant((B, A))), (Variant((A, B), n_kept=1), Variant((B, A), n_kept=2))),
        (
            (
                Variant.of(Edit("z", 0, 1, source="mean")),
                Variant.of(Edit("z", 0, 1, source="mean", reference="corrupted")),
            ),
            (Variant.of(Edit("z", 0, 1, source="mean")), Variant.of(Edit("z", 0, 1, source="resample"))),
        ),
        ((Variant.of(Edit("z", 0, 1, 2)), Variant.of(Edit("z", 0, 1, "2"))), (Variant.of(A), Variant.of(B))),
    ],
)
def test_two_variants_need_two_names(made, twin):
    with pytest.raises(
        UserError, match="have the same names in the tables, .*; give them another part, group or n_kept"
    ):
        check(*made)
    check(*twin)


def test_the_same_variant_twice_is_named():
    with pytest.raises(UserError, match=r"asks 2 times for the same edit \(L0-H1, layer 0\)"):
        check(Variant.of(A), Variant.of(A))
    with pytest.raises(UserError, match=r"asks 2 times for the same edit \(no edit\)"):
        check(Variant(()), Variant(()))
