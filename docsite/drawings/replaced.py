"""What replaces an edge's value: zero, a mean, the corrupted run's value."""

from __future__ import annotations

from matplotlib.axes import Axes

from docsite.drawings.canvas import LIGHT, SMALL, TEXT, say, sheet
from interp.figures.style import BLUE, GREY, RED

SHARED, ABOUT = 9.0, 7.0
WAYS = (
    ("clean", "the edge as it is", RED, SHARED, ABOUT, ("", "")),
    ("corrupted", "the value with hot", BLUE, SHARED, ABOUT, ("gone: what it says", "about large")),
    ("mean", "over the prompts", GREY, SHARED, 2.2, ("gone: what is special", "about this prompt")),
    ("zero", "nothing", GREY, 0.0, 0.0, ("gone: both parts", "")),
)


def replaced() -> Axes:
    """What an edge carries, as two parts, and what is left of them."""
    axes = sheet(39)
    base = 12.0
    axes.plot([3, 69], [base, base], color="black", linewidth=0.8)
    for number, (name, under, color, shared, about, gone) in enumerate(WAYS):
        x = 13.5 + 15.6 * number
        axes.bar(x, shared, 9, base, color=LIGHT)
        axes.bar(x, about, 9, base + shared, color=color, alpha=0.85 if color != GREY else 0.45)
        say(axes, x, 36, name, weight="bold", size=TEXT + 1)
        say(axes, x, 33.4, under, GREY, SMALL)
        for line, text in enumerate(gone):
            say(axes, x, base - 2.4 - 2.2 * line, text, "black", SMALL)
    say(axes, 13.5, base + 4.5, "the same in", "black", SMALL)
    say(axes, 13.5, base + 2.5, "both runs", "black", SMALL)
    say(axes, 13.5, base + SHARED + 3.5, "large", "white", weight="bold")
    say(axes, 29.1, base + SHARED + 3.5, "hot", "white", weight="bold")
    say(
        axes,
        36,
        3,
        "SmolLM2, all edges from large to the end: corrupted 18.2 logits, mean 7.8, zero 7.6",
        GREY,
        SMALL,
    )
    return axes
