"""Characters that cannot be seen, made visible: control, format and blank characters as signs or code points.

Two degrees: `visible` for prose, which keeps line breaks and tabs; `visible_token` for a token, or a whole prompt, of
which every character counts.
"""

from __future__ import annotations

import re
import unicodedata

PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {127: 0x2421}
# What neither XML nor HTML may hold, beyond the control characters that have a picture; and what turns the direction of
# reading, because a number that stands behind it would be read backwards (18 for 81).
FORBIDDEN = re.compile("[\x80-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
SIGNS = str.maketrans({"\n": "⏎", "\t": "⇥"})
# Joiners inside a word or an emoji belong to its spelling.
JOINERS = re.compile(r"(?<=\S)[\u200c\u200d](?=\S)")


def code_point(character: str) -> str:
    """`<U+200B>`."""
    return f"<U+{ord(character):04X}>"


def visible(text: str) -> str:
    """Control characters, which no page may hold, as their pictures (a carriage return as ␍) or as code points; and those
    that turn the direction of reading for what comes behind them."""
    return FORBIDDEN.sub(lambda match: code_point(match.group()), text.translate(PICTURES))


def visible_token(token: str) -> str:
    """A token with line breaks (⏎), tabs (⇥), blanks that are no plain space, and format characters shown.

    A token of spaces alone is as many ␣; a combining mark that stands first gets a circle (◌) to sit on.
    """
    text = visible(token.translate(SIGNS))
    if text and not text.strip(" "):
        return "␣" * len(text)
    kept = {joiner.start() for joiner in JOINERS.finditer(text)}
    shown = "".join(
        code_point(char) if _unseen(char) and place not in kept else char for place, char in enumerate(text)
    )
    return f"◌{shown}" if shown and unicodedata.combining(shown[0]) else shown


def _unseen(character: str) -> bool:
    category = unicodedata.category(character)
    return category in ("Cf", "Zl", "Zp") or (category == "Zs" and character != " ")
