"""What a `paths` probe concludes, as metrics.json holds it."""

from __future__ import annotations

from pydantic import Field

from interp.analysis.findings import EstimateFound, MeanFound, OurFindings, Plain


class Middle(Plain):
    """A token between the differing ones and the query, as a place to change trains at."""

    position: int
    token: str
    added: EstimateFound
    """Share that is added to the direct edges' when the roads over this token alone are opened."""
    lost: EstimateFound
    """Share that is lost when this token's two edges are closed among all roads of at most two hops."""


class PathFindings(OurFindings):
    """How the difference between clean and corrupted prompt travels to the query, in shares of the clean-corrupted gap."""

    gap: MeanFound
    """The clean minus the corrupted run, in metric units: direct, one_middle, more and by_weights sum to it."""
    direct: EstimateFound
    """Only the edges from the differing tokens to the query kept: one hop."""
    one_middle: EstimateFound
    """What roads over one middle token add to that: two hops."""
    more: EstimateFound
    """Three hops and more."""
    by_weights: EstimateFound
    """What is left when all edges are replaced: the differing tokens' scores alone, which change the weights of other edges."""
    direct_cut: EstimateFound
    """What is lost when the direct edges alone are replaced and all others are kept."""
    n_prompts: int
    n_pairs: int
    sources: list[int]
    """Positions (from 1) of the differing tokens, in the focus prompt; those below too."""
    source_tokens: list[str]
    query: int
    query_token: str
    middles: list[Middle] = Field(default_factory=list)
    """Of the focus prompt's wording, in reading order."""
    n_middles_prompts: int = 0
    """Prompts of that wording."""
