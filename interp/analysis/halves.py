"""Two halves of the word pairs: heads are chosen on one and measured on the other, both ways round.

What was chosen and measured on the same prompts is flattered by both: noise that made a head look strong is counted
again. Halves are drawn over word pairs, not prompts, because the wordings of a pair are not independent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

LEAST = 6  # word pairs in a half; fewer say nothing about other words


def second_half(clusters: Sequence[str], rng: np.random.Generator) -> Bool[np.ndarray, " prompt"]:
    """Whether each prompt's cluster was drawn into the second half; an odd cluster goes to the second."""
    names = np.unique(np.asarray(clusters, dtype=object).astype(str))
    drawn = set(rng.permutation(names)[len(names) // 2 :].tolist())
    return np.array([str(cluster) in drawn for cluster in clusters])


def too_few(n_clusters: int) -> str | None:
    """What is said of too few word pairs; None where there are enough."""
    if n_clusters >= 2 * LEAST:
        return None
    return (
        f"it ranks heads on one half of the word pairs and measures them on the other, which needs at least {LEAST} word "
        f"pairs in each half, so {2 * LEAST} in all, but there are {n_clusters}; ask for more word pairs, or use "
        "edge_patching with pairs: [{key: key, query: query}] for single effects without a verdict"
    )
