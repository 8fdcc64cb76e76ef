"""Which heads matter: a false-discovery rate and a least effect, both (method: docs/definitions.md, "Heads that matter").

Hundreds of intervals at 95 % exclude 0 by chance now and then, and with many prompts an effect of no importance does so
for sure. So a head is named only if it passes Benjamini & Hochberg (1995) over all heads, and if its effect is at least a
given part of the total.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from interp.analysis.findings_of_heads import Matter
from interp.configs.lazy import lazy

if TYPE_CHECKING:
    from scipy import stats
else:
    stats = lazy("scipy.stats")

RATE = 0.05


@dataclass(frozen=True)
class Discovery:
    """`discovered`: passes the false-discovery rate; `named`: that, and its effect is large enough."""

    discovered: Bool[np.ndarray, " head"]
    named: Bool[np.ndarray, " head"]
    least: float

    def counts(self, effect: Float[np.ndarray, " head"]) -> Matter:
        """Counts: named heads for and against the answer, and discovered ones that are too small to name."""
        return Matter(
            rate=RATE,
            least_effect=self.least,
            n_for=int((self.named & (effect > 0)).sum()),
            n_against=int((self.named & (effect < 0)).sum()),
            n_too_small=int((self.discovered & ~self.named).sum()),
            n_undecided=int((~self.discovered).sum()),
        )


def discover(
    effect: Float[np.ndarray, " head"], sem: Float[np.ndarray, " head"], n_clusters: int, least: float
) -> Discovery:
    """Benjamini-Hochberg at 5 % over two-sided t tests with `n_clusters` - 1 degrees of freedom, and the least effect.

    Args:
        effect: mean single effects, in metric units.
        sem: their cluster-robust standard errors.
        least: the smallest |effect| that is named, in metric units.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.abs(effect / sem)
    # 0/0 is an edge that does nothing on any prompt; something/0 cannot be chance.
    p_values = 2 * stats.t.sf(np.nan_to_num(size, nan=0.0, posinf=np.inf), max(n_clusters - 1, 1))
    discovered = stats.false_discovery_control(p_values) <= RATE
    return Discovery(discovered, discovered & (np.abs(effect) >= least), least)
