"""Sentences about the roads between tokens: how much goes straight to the query, and over which tokens the rest goes."""

from __future__ import annotations

from collections.abc import Iterable

from interp.analysis.findings import EstimateFound
from interp.analysis.findings_of_paths import Middle, PathFindings
from interp.words.numbers import bracket
from interp.words.phrases import percent, plural
from interp.words.visible import visible_token

LEAST = 0.01  # of the gap: what a token in between must add to be named


def path_sentences(found: Iterable[PathFindings]) -> list[str]:
    """One sentence on hops and one on the tokens in between, for every `paths` probe."""
    return [sentence for one in found for sentence in (_hops(one), _middles(one))]


def _hops(found: PathFindings) -> str:
    where = ", ".join(
        f"{visible_token(token.strip())} ({position})"
        for token, position in zip(found.source_tokens, found.sources, strict=True)
    )
    return (
        f"Of what differs between the two prompts (focus prompt: {where}), {_share(found.direct)} of the clean–corrupted gap "
        f"goes straight to the query: these edges alone, of all heads and layers, are enough for it. Roads over one token in "
        f"between add {_share(found.one_middle)}, longer ones {_share(found.more)}; {_share(found.by_weights)} comes by no "
        f"edge, only by the weight that the differing tokens take from others. With the direct edges alone replaced, "
        f"{_share(found.direct_cut)} is lost ({plural(found.n_prompts, 'prompt')})."
    )


def _middles(found: PathFindings) -> str:
    named = sorted((one for one in found.middles if _known(one)), key=lambda one: -abs(one.added.mean or 0))
    if not named:
        return f"No single token in between adds {percent(LEAST)} or more, with its interval on one side of 0."
    listed = ", ".join(f"{visible_token(one.token.strip())} ({one.position}) {_share(one.added)}" for one in named[:5])
    return (
        f"Single tokens in between that add at least {percent(LEAST)} to the direct edges, with their interval on one side of "
        f"0 ({plural(found.n_middles_prompts, 'prompt')} of the focus prompt's wording): {listed}."
    )


def _known(middle: Middle) -> bool:
    mean, low, high = middle.added.mean, middle.added.low, middle.added.high
    off_zero = low is not None and high is not None and (low > 0 or high < 0)
    return mean is not None and abs(mean) >= LEAST and off_zero


def _share(found: EstimateFound) -> str:
    return f"{percent(found.mean)}{bracket(found.low, found.high, percent)}"
