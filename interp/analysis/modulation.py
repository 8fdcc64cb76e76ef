"""Modulation by layer: how much of the key->query effect the selected heads have carried below each layer.

docs/definitions.md, Modulation by layer: layer l is the residual stream before block l, layer n_layers the output. The
curve rises from 0 at layer 0 (every edge replaced) to the share of the selected heads at layer n_layers.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from interp.analysis.bootstrap import Bootstrap, Estimate
from interp.analysis.findings import EstimateFound, LayerPoint, LayerRise


@dataclass(frozen=True)
class Modulation:
    """One estimate a layer, 0 to n_layers."""

    curve: tuple[Estimate, ...]

    @property
    def steps(self) -> list[LayerRise]:
        """Blocks by how much the share rises through them, largest first."""
        rises = [(after.mean - before.mean, layer) for layer, (before, after) in enumerate(_pairs(self.curve))]
        return [LayerRise(layer=layer, rise=rise) for rise, layer in sorted(rises, reverse=True) if rise > 0]

    @property
    def points(self) -> list[LayerPoint]:
        """The curve with its band."""
        shares = [EstimateFound.of(estimate) for estimate in self.curve]
        return [
            LayerPoint(layer=layer, share=share.mean, low=share.low, high=share.high)
            for layer, share in enumerate(shares)
        ]


def modulation_curve(
    kept_below: Float[np.ndarray, "prompt layer_plus_1"], everything: Float[np.ndarray, " prompt"], boot: Bootstrap
) -> Modulation:
    """The curve as a ratio of means.

    Args:
        kept_below: the metric with the selected heads' edges kept in blocks below the layer and every other edge cut;
            column 0 therefore has every edge cut.
        everything: the metric with no edge cut.
        boot: resamples over the same prompts.
    """
    none = kept_below[:, 0]
    return Modulation(tuple(boot.ratio(kept_below - none[:, None], everything - none)))


def _pairs(curve: tuple[Estimate, ...]) -> list[tuple[Estimate, Estimate]]:
    return list(itertools.pairwise(curve))
