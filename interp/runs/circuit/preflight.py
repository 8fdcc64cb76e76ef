"""What can be told wrong before anything is measured: a typo in the tenth probe must not cost the first nine's hours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from interp.errors import Mistakes, UserError
from interp.measure.study import Study
from interp.probes import Probe
from interp.report.bibliography import entries
from interp.words.tense import BEFORE


def check_probes(probes: Sequence[Probe], study: Study, before: Iterable[str] = ()) -> None:
    """Hold every probe against the model's sizes and the prompts; UserError names all that do not fit. Runs no model.

    `before` are the labels of probes that are done already.
    """
    before = list(before)
    wrong: list[str] = []
    for probe in probes:
        try:
            _check(probe, before, study)
        except UserError as error:
            text = str(error)
            wrong.append(text if text.startswith("probe ") else f"probe {probe.label!r}: {text}")
        before.append(probe.label)
    if len(wrong) > 1:
        raise Mistakes("the probes", wrong)
    if wrong:
        raise UserError(wrong[0])


def _check(probe: Probe, before: Sequence[str], study: Study) -> None:
    for field in ("of", "heads_from"):
        label = getattr(probe, field, None)
        if label is not None and label not in before:
            raise UserError(f"{field} names {label!r}, which is no probe that stands before it")
    probe.check(study)
    # The report says these, after hours perhaps.
    probe.method(BEFORE)
    entries(probe.cites)
