"""Definitions that every report prints: method terms in a sentence or two each, with sources."""

from __future__ import annotations

DEFINITIONS: dict[str, str] = {
    "Positions": (
        "Tokens are counted from 1; a beginning-of-sequence token is never counted. L11-H7 is layer 11, head 7, both "
        "counted from 0. Layer l is the residual stream before block l; the last layer is the output."
    ),
    "Key→query edge": (
        "The term w·v·W_O that a head writes into the query position from the key position. Cutting it replaces this "
        "term and nothing else: the attention row is not renormalised, and all later layers respond, so the effect is "
        "a total effect."
    ),
    "Normalised effect": (
        "(m − m_corrupted) / (m_clean − m_corrupted) for a metric m; undefined without a gap between the two runs, and "
        "such pairs are left out."
    ),
    "Joint share": (
        "Heads ranked by the absolute size of their single effect; with the best n edges kept and every other cut, "
        "f(n) = (m(n) − m(none)) / (m(all) − m(none)). Reported is the smallest n from which f stays at or above the "
        "target."
    ),
    "Absolute share": (
        "The smallest n whose summed absolute single effects reach the target share of the sum over all heads."
    ),
    "Net share": "The same over signed effects; it may need few heads, because heads of opposite sign cancel.",
    "Modulation by layer": (
        "The share of the key→query effect that is carried when only the selected heads in blocks below a layer keep "
        "their edge. It starts at 0 at layer 0 and ends, at the output, at the selected heads' share."
    ),
    "Layer span": (
        "From the first to the last layer at which replacing what that one block writes at a group's tokens, by the "
        "value in the group's own corrupted run, moves the metric by at least the threshold share of the gap. Gaps "
        "inside a span are named."
    ),
    "Interval": (
        "Percentile bootstrap over word pairs: the prompts of one pair are drawn together, because they are not "
        "independent. A dash stands where a number is undefined, such as the interval of a single prompt."
    ),
}

SOURCES: list[str] = [
    "The key→query question, the 80 % mark and the figure's design: Draye, Lei, Pan, Posner, Schölkopf, Sparse Attention "
    "Post-Training for Mechanistic Interpretability, arXiv 2512.05865. The three exact definitions of a share, modulation "
    "by layer and layer spans by replacement are this project's own, chosen where that source leaves room.",
    "Activation patching, clean and corrupted runs, the logit difference: Heimersheim, Nanda, How to use and interpret "
    "activation patching, arXiv 2404.15255.",
    "The gradient estimate: Syed, Rager, Conmy, Attribution Patching Outperforms Automated Circuit Discovery, "
    "arXiv 2310.10348.",
]
