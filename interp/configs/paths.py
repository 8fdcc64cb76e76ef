"""Paths that a user writes: `~` is the home folder, wherever a path is read."""

from __future__ import annotations

import os
import re
from pathlib import Path

from interp.errors import UserError, cut

ABSOLUTE = re.compile(r"(?m)(^|[\s:,\[{'\"])(/[^\s,\]}'\"]+)")


def user_path(text: str | Path, field: str) -> Path:
    """The path that a config's text stands for; UserError names the field when it can be no path.

    It is expanded where it is used and not in the config, so that neither hash nor report depends on whose home it is.
    """
    if "\0" in str(text):
        raise UserError(f"{field}: {str(text)!r} is no path, because it holds a NUL character")
    try:
        str(text).encode("utf-8", "surrogateescape")
        path = Path(text).expanduser()
    except UnicodeEncodeError:
        raise UserError(f"{field}: {str(text)!r} is no path, because it holds half of a surrogate pair") from None
    except RuntimeError:  # `~somebody` that this machine does not know
        raise UserError(f"{field}: {str(text)!r} begins with the home folder of a user that does not exist") from None
    try:
        path.stat()
        closed = path.is_dir() and not os.access(path, os.R_OK | os.X_OK)
    except (FileNotFoundError, NotADirectoryError):
        return path  # whoever reads it says that it is not there; an output folder will be made
    except OSError as error:  # too long a name, a folder above it that may not be entered, a circle of links
        raise UserError(f"{field}: {cut(str(text), 200)!r} cannot be opened: {error.strerror}") from None
    if closed:
        raise UserError(f"{field}: the folder {cut(str(text), 200)!r} may not be read by this user")
    return path


def shown_path(path: str | Path) -> str:
    """A path as a report shows it: never whose machine it is. Below the working folder, else below `~`, else by `../`."""
    given = Path(path)
    if not given.is_absolute():
        return str(path)
    for base, prefix in ((Path.cwd(), ""), (Path.home(), "~/")):
        if given.is_relative_to(base):
            return prefix + given.relative_to(base).as_posix()
    return Path(os.path.relpath(given)).as_posix()


def with_shown_paths(text: str) -> str:
    """A YAML's text whose absolute paths are shown as `shown_path` shows them."""
    return ABSOLUTE.sub(lambda match: match[1] + shown_path(match[2]), text)
