"""What a user can cause: a mistake that can be told in a sentence, and Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

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


@contextmanager
def interruptions() -> Iterator[None]:
    """Ctrl-C is a KeyboardInterrupt here, also where Python wrapped it in another error.

    Raised inside a hook that Python itself calls (`__set_name__` of a class under way, C code that asks for a result),
    it comes out as a RuntimeError or SystemError whose cause it is.
    """
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            cause = cause.__cause__
        raise


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
