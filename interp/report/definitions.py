"""Definitions that every report prints: method terms in a sentence each, with sources."""

from __future__ import annotations

DEFINITIONS: dict[str, str] = {
    "Positions": (
        "Tokens are counted from 1; a beginning-of-sequence token is never counted. L11-H7 is layer 11, head "
        "7, both from 0. Layer l is the residual stream before block l; the last layer is the output."
    ),
    "Key→query edge": (
        "The term w·v·W_O that a head writes into the query position from the key position. Cutting it "
        "replaces this term and nothing else; the attention row is not renormalised. The effect is total: all"
        " later layers respond."
    ),
    "Normalised effect": (
        "(m − corrupted) / (clean − corrupted) for metric m; undefined without a gap between the two runs, "
        "and such pairs are left out."
    ),
    "Joint share": (
        "Heads ranked by the absolute size of their single effect; with the best n edges kept and every other"
        " cut, f(n) = (m(n) − m(none)) / (m(all) − m(none)). The number reported is the smallest n from which"
        " f stays at or above the target."
    ),
    "Absolute share": (
        "The smallest n whose summed absolute single effects reach the target share of the sum over all heads."
    ),
    "Net share": ("The same over signed effects; it may need few heads, because heads of opposite sign cancel."),
    "Modulation by layer": ("The share carried when only the selected heads below a layer keep their edge."),
    "Layer span": (
        "The layers in which replacing what one block writes at a group's tokens, by the value in the group's"
        " own corrupted run, moves the metric by at least the threshold."
    ),
    "Sources": (
        "Share, spans and the figure's design follow Sparse Attention Post-Training for Mechanistic "
        "Interpretability (arXiv 2512.05865); patching conventions follow Heimersheim and Nanda (arXiv "
        "2404.15255); attribution patching, Syed, Rager and Conmy (arXiv 2310.10348)."
    ),
}
