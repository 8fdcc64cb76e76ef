"""What a search for heads concludes, in a notebook."""

from __future__ import annotations

import pandas as pd

from interp.analysis.findings_of_heads import HeadFindings
from interp.api.show import findings_text


class Found:
    """What a search for heads concludes: `effects` (a frame), `findings` (as in metrics.json), `heads` (labels)."""

    def __init__(self, effects: pd.DataFrame, findings: HeadFindings) -> None:
        self.effects = effects
        self.findings = findings

    @property
    def heads(self) -> list[str]:
        """The labels of the smallest set; empty where no set carries the share."""
        return [head.label for head in self.findings.shares.joint.heads]

    def __repr__(self) -> str:
        return findings_text(self.findings)
