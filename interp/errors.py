"""What a user can cause: a mistake that can be told in a sentence, and Ctrl-C."""

from __future__ import annotations

from collections.abc import Sequence

MOST_LETTERS = 1500


class UserError(Exception):
    """A mistake in a config, an input or the environment.

    The message is one sentence: which field or prompt, what is wrong, what would be right. The command line prints
    it without a traceback and exits with code 2; anything else that is raised is a bug and keeps its traceback.
    """

    def __init__(self, message: str) -> None:
        super().__init__(cut(message, MOST_LETTERS))


class Interrupted(Exception):
    """Ctrl-C while a command was under way."""


class BadValue(UserError, ValueError):
    """The same for a value that Python code gives, a notebook's or a package's: it is a ValueError, too."""


class Mistakes(UserError):
    """All mistakes of one input: where they were found, and a clause for each, which names its own place."""

    def __init__(self, where: str, clauses: Sequence[str]) -> None:
        self.where = cut(where, 300)
        self.clauses = [cut(clause, 500) for clause in clauses[:30]]
        if len(clauses) > 30:
            self.clauses.append(f"and {len(clauses) - 30} more mistakes")
        Exception.__init__(self, f"{self.where}: {'; '.join(self.clauses)}")


def mistakes_of(error: UserError) -> list[str]:
    """A sentence a mistake."""
    return list(error.clauses) if isinstance(error, Mistakes) else [str(error)]


def cut(text: str, most: int) -> str:
    """A text of at most about `most` letters: the middle of a longer one is left out."""
    return text if len(text) <= most else f"{text[: most * 2 // 3]} … {text[-most // 4 :]}"
