"""How well an estimate agrees with the exact effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from interp.analysis.bootstrap import plain
from interp.analysis.findings import Agreement
from interp.configs.lazy import lazy

if TYPE_CHECKING:
    from scipy import stats
else:
    stats = lazy("scipy.stats")


def agreement(exact: Float[np.ndarray, " variant"], estimated: Float[np.ndarray, " variant"], top_k: int) -> Agreement:
    """Pearson and Spearman correlation, and how many of the `top_k` by absolute effect are the same.

    Correlations are None when there are fewer than three variants or one side is constant.
    """
    top_k = min(top_k, len(exact))
    varied = len(exact) > 2 and np.ptp(exact) > 0 and np.ptp(estimated) > 0
    top = [set(np.argsort(-np.abs(side), kind="stable")[:top_k].tolist()) for side in (exact, estimated)]
    return Agreement(
        pearson=plain(float(stats.pearsonr(exact, estimated)[0])) if varied else None,
        spearman=plain(float(stats.spearmanr(exact, estimated)[0])) if varied else None,
        top_k=top_k,
        overlap=len(top[0] & top[1]),
        n_variants=len(exact),
    )
