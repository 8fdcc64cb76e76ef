"""What can be told wrong before anything is measured: a typo in the tenth probe must not cost the first nine's hours."""

from __future__ import annotations

from collections.abc import Sequence

from interp.errors import UserError
from interp.probes import Probe
from interp.study import Study


def check_probes(probes: Sequence[Probe], study: Study) -> None:
    """Hold every probe against the model's sizes and the prompts; UserError names the probe. Runs no model."""
    before: list[str] = []
    for probe in probes:
        for field in ("of", "heads_from"):
            label = getattr(probe, field, None)
            if label is not None and label not in before:
                raise UserError(
                    f"probe {probe.label!r}: {field} names {label!r}, which is no probe that stands before it"
                )
        try:
            probe.check(study)
        except UserError as error:
            text = str(error)
            raise UserError(text if text.startswith("probe ") else f"probe {probe.label!r}: {text}") from None
        before.append(probe.label)
