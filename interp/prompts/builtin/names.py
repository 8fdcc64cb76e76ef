"""Given names, written down by hand; those that a tokenizer cuts are left out where prompts are drawn."""

from __future__ import annotations

from interp.prompts.builtin.generated import listed

MALE = listed(
    """
    Adam Alan Alex Andrew Anthony Arthur Ben Brian Carl Charles Chris Daniel David Edward Eric Frank Fred Gary George
    Henry Jack James Jason Joe John Kevin Larry Mark Martin Matthew Michael Neil Nick Oliver Oscar Paul Peter Philip
    Ray Richard Robert Roger Ryan Sam Sean Simon Steve Thomas Tim Tom Victor Walter William
    """
)
FEMALE = listed(
    """
    Alice Amanda Amy Andrea Angela Ann Anna Barbara Carol Caroline Catherine Claire Clara Diana Eleanor Elizabeth Ella
    Emily Emma Eva Grace Hannah Helen Jane Jennifer Jessica Julia Karen Kate Laura Linda Lisa Lucy Margaret Maria Marie
    Martha Mary Melissa Michelle Nancy Nina Olivia Patricia Rachel Rebecca Rose Ruth Sandra Sarah Sophie Susan Victoria
    """
)
