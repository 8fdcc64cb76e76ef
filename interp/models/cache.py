"""The user's cache folder, in which models are either whole or absent."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_dir

from interp.errors import UserError

# What the user can mend; any other OSError is a bug and keeps its traceback.
DISK_ERRORS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOTDIR, errno.EEXIST, errno.EIO),
}


def cache_folder() -> Path:
    """`$INTERP_CACHE`, or the user's cache directory."""
    return Path(os.environ.get("INTERP_CACHE") or user_cache_dir("interp"))


@contextmanager
def building(folder: Path, whole: Callable[[Path], bool] = Path.is_dir) -> Iterator[Path | None]:
    """Yield a temporary folder that becomes `folder` when the block ends well; None when `folder` is already `whole`.

    One process builds, others wait. A damaged folder and the leftovers of a killed build are removed by the next one.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(folder.name + ".lock")):
            if whole(folder):
                yield None
                return
            shutil.rmtree(folder, ignore_errors=True)
            for leftover in folder.parent.glob(f"{folder.name}.building-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.building-", dir=folder.parent))
            try:
                yield temporary
                os.replace(temporary, folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        raise UserError(
            f"cannot write the model cache {folder.parent}: {error.strerror or error}; free some space or set "
            "INTERP_CACHE to another folder"
        ) from None


def sha256(path: Path) -> str:
    """Hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
