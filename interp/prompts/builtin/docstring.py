"""Task `docstring` (Heimersheim and Janiak 2023): the next argument that a docstring describes, in functions of our own words.

The function has two arguments before the three that are described and one behind; two are described, and the third is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.prompts.builtin.generated import Generated, Words, listed, one_of, some, written
from interp.prompts.pairs import PromptPair
from interp.prompts.roles import RoleSpec
from interp.prompts.task import Tokens, tasks

_BODY = (
    ', {before1}, {before2}, {a}, {b}, {c}, {after}):\n    """{text1} {text2} {text3}\n\n    :param {doc_a}: {text4} {text5}\n'
    "    :param {doc_b}: {text6} {text7}\n    :param"
)
WORDINGS = tuple("\ndef {name}(" + first + _BODY for first in ("self", "model", "state"))
VARIABLES = listed(
    """
    width height depth color name value index count offset limit start end size path file data text label score rate
    source target key item list mode level order group user node parent child action result error message option
    format style date time hour place price cost weight speed angle radius shape line page field table row column cell
    """
)
TEXT = listed(
    """
    river stone lamp paper cloud horse bread window garden engine winter forest market doctor island bridge summer kitchen
    shadow dinner valley finger mirror ticket castle flower palace village camera desert ocean sugar apple beach chair
    """
)
NAMES = ("load", "send", "build", "check", "read", "write", "open", "close", "find", "update", "move", "run")
N_TEXT = 7
IN_THE_FUNCTION = ("before1", "before2", "a", "b", "c", "after")


@tasks.register
class Docstring(Generated):
    """Which argument does a Python docstring describe next? The one that follows in the function's list."""

    kind: Literal["docstring"] = "docstring"
    fields: ClassVar[tuple[str, ...]] = ("a", "b", "c", "doc_a", "doc_b")
    usual_metric: ClassVar[str] = "best_logit_diff"
    default_roles: ClassVar[Mapping[str, RoleSpec]] = {
        "key": RoleSpec(characters="{at_c}"),
        "query": RoleSpec(position="end"),
        **{name: RoleSpec(characters=f"{{at_{name}}}") for name in fields},
    }
    max_pairs: int = Field(
        default=32, ge=1, le=10_000, description="Keep at most this many functions, drawn by the seed."
    )
    corruption: Literal["answer", "function", "docstring", "both"] = Field(
        default="answer",
        description="What gets other arguments: answer: the one asked for, in the function; function: all three there; docstring: "
        "the two described; both: function and docstring, which then do not match.",
    )

    def own_wordings(self) -> Sequence[str]:
        """Functions with another first argument, which is not described."""
        return WORDINGS

    def words(self) -> Words:
        """Arguments, names of functions, and words of the descriptions."""
        return {"variables": VARIABLES, "names": NAMES, "text": TEXT}

    def prepared(self, words: Words, tokens: Tokens) -> Words:
        """The description begins with a word that is one token without a space before it."""
        return {**words, "first": [word for word in words["text"] if tokens.added('"""', word) == 1]}

    def most(self, words: Words) -> int:
        """Functions of six different arguments; a corrupted one takes five more."""
        n = len(words["variables"])
        return math.perm(n, 6) if n >= 11 and words["names"] and words["first"] and len(words["text"]) >= N_TEXT else 0

    def contents(self, words: Words, n: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
        """Six arguments, none twice."""
        drawn: dict[tuple[str, ...], None] = {}
        while len(drawn) < n:
            drawn[tuple(some(words["variables"], 6, rng))] = None
        return list(drawn)

    def pair(self, content: tuple[str, ...], wording: str, words: Words, rng: np.random.Generator) -> PromptPair:
        """Right: the third; foils: every other argument of the function, read together by `best_logit_diff`."""
        named = dict(zip(IN_THE_FUNCTION, content, strict=True))
        fresh = some([variable for variable in words["variables"] if variable not in content], 5, rng)
        function = dict(zip(("a", "b", "c"), fresh[:3], strict=True))
        documented = dict(zip(("doc_a", "doc_b"), fresh[3:], strict=True))
        changed = {
            "answer": {"c": fresh[2]},
            "function": function,
            "docstring": documented,
            "both": function | documented,
        }[self.corruption]
        texts = {f"text{n}": word for n, word in enumerate(some(words["text"], N_TEXT, rng), start=1)}
        texts["text1"] = one_of(words["first"], rng)
        filled = {**named, "doc_a": named["a"], "doc_b": named["b"], "name": one_of(words["names"], rng), **texts}
        first, *more = (f" {named[argument]}" for argument in ("b", "a", "before1", "before2", "after"))
        return written(wording, ",".join(content), filled, changed, f" {named['c']}", first, foils=tuple(more))
