"""Definitions that every report prints: method terms in a sentence or two each, with sources."""

from __future__ import annotations

DEFINITIONS: dict[str, str] = {
    "Positions": (
        "Tokens are counted from 1; a beginning-of-sequence token is never counted. L11-H7 is layer 11, head 7, both "
        "counted from 0. Layer l is the residual stream before block l; the last layer is the output."
    ),
    "Key→query edge": (
        "The term w·v·W_O that a head writes into the query position from the key position. Replacing it replaces this "
        "term and nothing else: the attention row is not renormalised, and all later layers respond, so the effect is "
        "a total effect. Given its value from the corrupted run, it says what the edge carries about the key word; "
        "zeros and means also take away what is the same in both runs, so theirs is no share of the gap."
    ),
    "Normalised effect": (
        "(m − m_corrupted) / (m_clean − m_corrupted) for a metric m; undefined without a gap between the two runs, and "
        "such pairs are left out."
    ),
    "Held out": (
        "Word pairs are split into two halves by the seed; heads are ranked on one half and measured on the other, both "
        "ways round. Shares and counts are those of word pairs that had no say in the choice; optimism is how much more "
        "the same number of heads carries on the word pairs that chose them."
    ),
    "Joint share": (
        "With n heads' edges kept and every other replaced, f(n) = (m(n) − m(none)) / (m(all) − m(none)). Reported is the "
        "smallest n from which f stays at or above the target, beside the first that reaches it."
    ),
    "Orders": (
        "value: by signed single effect; size: by its absolute value; greedy: add the head that raises the metric most, "
        "run exactly, among the best few by single effect."
    ),
    "Absolute share, net share": (
        "The smallest n whose summed absolute (signed) single effects reach the target share of the sum over all heads. "
        "Single effects do not sum to the effect of all edges together."
    ),
    "Controls": (
        "Random sets of as many heads; and the nonsense task: the same prompts, each asked for another one's answer by a "
        "fixed random pairing, through the same search."
    ),
    "Heads that matter": (
        "A false-discovery rate of 5 % over all heads (Benjamini and Hochberg) and a least effect, both."
    ),
    "Modulation by layer": (
        "The share of the key→query effect that is carried when only the selected heads in blocks below a layer keep "
        "their edge. It starts at 0 at layer 0 and ends, at the output, at the selected heads' share."
    ),
    "Layer span": (
        "From the first to the last layer at which replacing what that one block writes at a group's tokens, by the "
        "value in the group's own corrupted run, moves the metric by at least the threshold share of the gap, with the "
        "whole interval. Gaps inside a span are named."
    ),
    "Circuit of edges": (
        "All attention edges are candidates; those outside have their corrupted value. Sufficient: what the metric keeps "
        "when the best n keep theirs. Necessary: what it loses when the best n alone are replaced."
    ),
    "Roads": (
        "A hop is an edge from a token to a later one, in any layer and head. Direct: all edges from the first differing token "
        "on are replaced, but for those from differing tokens to the query; over one token: roads of two hops are opened, "
        "too; by weights: what comes although all are replaced, since a token's score changes the weights of other edges. "
        "Shares of the clean–corrupted gap; together with longer roads they sum to 1."
    ),
    "Edge of the residual graph": (
        "With attention patterns and norm scales frozen and MLPs silent on the way, what one token's nodes hold of the "
        "difference reaches another token linearly; a road of n heads gives each of them an n-th, and all shares sum to the whole."
    ),
    "Interval": (
        "Bootstrap over word pairs, whose prompts are drawn together because they are not independent; BCa below 30 word "
        "pairs, percentiles from there on, widened for few pairs. Intervals of shares and counts choose the heads again in "
        "every resample. A dash stands where a number is undefined, such as the interval of a single prompt."
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
