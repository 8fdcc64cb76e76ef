"""What a search for heads concludes, as a notebook shows it."""

from __future__ import annotations

import html

import pandas as pd

from interp.analysis.findings_of_heads import HeadFindings
from interp.words.numbers import bracket
from interp.words.phrases import percent


class HeadVerdict:
    """What a search for heads concludes: `effects` (a frame), `findings` (as in metrics.json), `heads` (labels)."""

    def __init__(self, effects: pd.DataFrame, findings: HeadFindings) -> None:
        self.effects = effects
        self.findings = findings

    @property
    def heads(self) -> list[str]:
        """The labels of the smallest set; empty where no set carries the share."""
        return [head.label for head in self.findings.shares.joint.heads]

    @property
    def single(self) -> pd.DataFrame:
        """The effects of single heads alone, one row a head and prompt: what `interp.heatmap` draws."""
        rows = self.effects[self.effects["part"] == "single"].reset_index(drop=True)
        rows.attrs = self.effects.attrs
        return rows

    @property
    def ranking(self) -> pd.DataFrame:
        """Every head, the largest first: what its edge alone carries (units of the metric), and whether it is in the set."""
        return pd.DataFrame(
            {
                "head": head.label,
                "carries": head.carried.mean,
                "ci_low": head.carried.low,
                "ci_high": head.carried.high,
                "in_the_set": head.label in self.heads,
            }
            for head in self.findings.ranking
        )

    def __repr__(self) -> str:
        share, target = self.findings.shares.joint, percent(self.findings.target)
        if share.n is None:
            return f"No set of heads carries {target} on clusters that the heads were not chosen from."
        return (
            f"{share.n} of {self.findings.n_candidates} heads carry {target} on clusters that they were not chosen from (share "
            f"{percent(share.share)}{bracket(share.share_low, share.share_high, percent)}): {', '.join(self.heads)}."
        )

    def _repr_html_(self) -> str:
        table = self.ranking.head(max(10, len(self.heads)))
        return f"<p>{html.escape(repr(self))}</p>{table.to_html(index=False, float_format='{:.3g}'.format)}"
