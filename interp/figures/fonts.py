"""Fonts for whatever script a prompt is in.

The house font comes first. Only for characters that it lacks, installed fonts are searched, so that a figure in the
house font's scripts is the same on every machine. A character that no font has is drawn as its code point: boxes
that all look alike would hide which token is which.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interp.configs.lazy import lazy
from interp.figures import style
from interp.words.visible import code_point, visible, visible_token

if TYPE_CHECKING:
    import matplotlib.font_manager as font_manager
    import matplotlib.ft2font as ft2font
else:
    font_manager = lazy("matplotlib.font_manager")
    ft2font = lazy("matplotlib.ft2font")

PREFERRED = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Noto Emoji", "Symbola")
"""First choices; after them come sans serif fonts by name, then all others."""
PACKAGES = dict.fromkeys(("CJK", "HANGUL", "HIRAGANA", "KATAKANA"), "fonts-noto-cjk")
"""First word of a character's Unicode name -> Debian's package of a font that has it."""
UNFIT = ("Last Resort", "cm", "STIXNonUnicode", "STIXSize")
"""Fonts that come with matplotlib: boxes for everything, and mathematics under code points of its own."""
NAMED = 8  # characters that the warning names


def families(text: str) -> list[str]:
    """The font families that `text` is drawn with: the house font, then those that have what it lacks."""
    wanted, chosen = _lacking(text), [style.FONT]
    for family, characters in _fallbacks().items() if wanted else ():
        if wanted & characters:
            chosen.append(family)
            wanted -= characters
    return chosen


def missing(text: str) -> list[str]:
    """The characters of `text` that no installed font has, in order of code points."""
    wanted = _lacking(text)
    return sorted(map(chr, wanted.difference(*_fallbacks().values()))) if wanted else []


def drawable(text: str) -> str:
    """The text without a character that cannot be drawn: controls as their signs, what no font has as `<U+5927>`."""
    text = visible(text)
    return text.translate({ord(char): code_point(char) for char in missing(text)})


def drawable_token(token: str) -> str:
    """A token as figures write it: without the space before it, everything else shown."""
    return drawable(visible_token(token)).strip(" ") or "∅"


def warning(texts: Iterable[str]) -> str | None:
    """One sentence that names what no installed font has; None where nothing is missing."""
    absent = missing("".join(map(visible_token, texts)))
    if not absent:
        return None
    named = " ".join(f"{char} (U+{ord(char):04X})" for char in absent[:NAMED])
    more = f" and {len(absent) - NAMED} more" if len(absent) > NAMED else ""
    scripts = [unicodedata.name(char, " ").split()[:1] for char in absent]
    package = next((PACKAGES[script[0]] for script in scripts if script and script[0] in PACKAGES), None)
    hint = f" (on Debian: {package})" if package else ""
    return (
        f"no installed font has {named}{more}: figures show such characters as code points; install a font that has "
        f"them{hint} and draw the report again"
    )


def rc(texts: Iterable[str]) -> Any:
    """The house style, with fonts for these texts."""
    return style.STYLE | {"font.family": families("".join(map(drawable_token, texts)))}


def _lacking(text: str) -> set[int]:
    return {ord(char) for char in text if char not in "\n\t"} - _house()


@cache
def _house() -> frozenset[int]:
    return frozenset(ft2font.FT2Font(font_manager.findfont(style.FONT, fallback_to_default=False)).get_charmap())


@cache
def _fallbacks() -> Mapping[str, frozenset[int]]:
    """Family -> its characters, for every other installed font, first choices first; each is made known to matplotlib."""
    # It would say of each that it has no bold face.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    # Matplotlib's own list of fonts is kept from the first time that it was used, so it may lack new ones.
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        _make_known(path)
    paths: dict[str, font_manager.FontEntry] = {}
    for entry in font_manager.fontManager.ttflist:
        if entry.name != style.FONT and not entry.name.startswith(UNFIT) and entry.style == "normal":
            paths.setdefault(entry.name, entry)
    order = sorted(paths, key=lambda name: (*_rank(name), name))
    characters_of = {name: _characters(paths[name]) for name in order}
    return {name: characters for name, characters in characters_of.items() if characters}


def _rank(family: str) -> tuple[int, bool]:
    return PREFERRED.index(family) if family in PREFERRED else len(PREFERRED), "Sans" not in family


def _make_known(path: str) -> None:
    try:
        font_manager.fontManager.addfont(path)
    except (OSError, RuntimeError, NotImplementedError):  # a font that matplotlib cannot read
        return


def _characters(entry: Any) -> frozenset[int]:
    try:
        font = ft2font.FT2Font(Path(entry.fname), face_index=entry.index)
    except (OSError, RuntimeError):
        return frozenset()
    # Bitmap fonts (Noto Color Emoji) have no outlines to draw.
    return frozenset(font.get_charmap()) if font.scalable else frozenset()
