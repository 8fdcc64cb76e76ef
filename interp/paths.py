"""Paths that a user writes: `~` is the home folder, wherever a path is read."""

from __future__ import annotations

from pathlib import Path

from interp.errors import UserError


def user_path(text: str | Path, field: str) -> Path:
    """The path that a config's text stands for; UserError names the field when it can be no path.

    It is expanded where it is used and not in the config, so that neither hash nor report depends on whose home it is.
    """
    if "\0" in str(text):
        raise UserError(f"{field}: {str(text)!r} is no path, because it holds a NUL character")
    try:
        str(text).encode("utf-8", "surrogateescape")
        return Path(text).expanduser()
    except UnicodeEncodeError:
        raise UserError(f"{field}: {str(text)!r} is no path, because it holds half of a surrogate pair") from None
    except RuntimeError:  # `~somebody` that this machine does not know
        raise UserError(f"{field}: {str(text)!r} begins with the home folder of a user that does not exist") from None
