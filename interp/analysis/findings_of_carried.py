"""What a `residual_edge` probe concludes, as metrics.json holds it."""

from __future__ import annotations

from interp.analysis.findings import EstimateFound, MeanFound, OurFindings, Plain


class HeadCarried(Plain):
    """A head, and its share of the whole."""

    label: str
    carried: MeanFound
    """Metric units."""
    share: EstimateFound


class OriginCarried(Plain):
    """A node of the source token, and what of it arrives."""

    origin: str
    """`embedding`, or `L3-MLP`: what that MLP writes at the token."""
    carried: MeanFound


class CarriedFindings(OurFindings):
    """Which heads carry what one token's nodes hold of the difference to another token, with attention patterns frozen."""

    begin: str
    to: str
    end: int
    whole: MeanFound
    """Everything that arrives, in metric units."""
    of_gap: EstimateFound
    """The whole as a share of the clean-corrupted gap: the rest goes through attention patterns and other tokens' MLPs."""
    bypass: EstimateFound
    """What arrives by no head, as a share of the whole; 0 between two tokens."""
    single: EstimateFound
    """What roads with one head alone bring, as a share of the whole."""
    n_prompts: int
    n_pairs: int
    heads: list[HeadCarried]
    """Largest first."""
    origins: list[OriginCarried]
    """In the order of the layers."""
    error: float
    """Largest difference of parts and bypass from the whole, in metric units."""
