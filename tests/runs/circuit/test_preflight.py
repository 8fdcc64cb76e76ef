"""Probes that do not fit the model or its prompts are told all at once."""

from __future__ import annotations

from typing import ClassVar

import pytest

from interp.errors import UserError
from interp.interventions import Engine
from interp.measure.study import Study
from interp.probes import Probe
from interp.runs.circuit.preflight import check_probes

# None of these probes looks at it.
NOTHING = Study.__new__(Study)


class Fitting(Probe):
    kind: str = "fitting"
    of: str | None = None

    def check(self, study):
        if self.name == "wrong":
            raise UserError("head L9-H9 is out of range")


def test_every_probe_that_does_not_fit_is_named():
    probes = [Fitting(), Fitting(name="wrong"), Fitting(name="b", of="later"), Fitting(name="later", of="fitting")]
    with pytest.raises(UserError) as caught:
        check_probes(probes, NOTHING)
    said = str(caught.value)
    assert "probe 'wrong': head L9-H9 is out of range" in said
    assert "probe 'b': of names 'later', which is no probe that stands before it" in said
    assert "probe 'later'" not in said


def test_what_the_report_would_say_of_a_probe_is_asked_before_anything_is_measured():
    class Citing(Fitting):
        cites: ClassVar[tuple[str, ...]] = ("heimersheim2024patch",)

    class Wordless(Fitting):
        def method(self, it):
            raise ZeroDivisionError

    class Cited(Fitting):
        cites: ClassVar[tuple[str, ...]] = ("heimersheim2024patching", "@misc{mine, title={Mine}}")

    with pytest.raises(
        UserError,
        match=r"^probe 'fitting': cites names 'heimersheim2024patch',.*did you mean 'heimersheim2024patching'",
    ):
        check_probes([Citing()], NOTHING)
    with pytest.raises(ZeroDivisionError):
        check_probes([Wordless()], NOTHING)
    check_probes([Cited()], NOTHING)


def test_one_is_a_sentence_and_none_is_silent():
    with pytest.raises(UserError, match=r"^probe 'wrong': head"):
        check_probes([Fitting(), Fitting(name="wrong")], NOTHING)
    check_probes([Fitting(), Fitting(name="after", of="fitting")], NOTHING)


def test_a_check_that_measures_is_told_so():
    study = Study.__new__(Study)
    study.running = None  # as `interp validate` makes it
    with pytest.raises(RuntimeError, match="must not measure"):
        _ = study.engine
    study.running = engine = Engine.__new__(Engine)
    assert study.engine is engine
