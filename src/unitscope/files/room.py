"""Errors of a disk in words; free space is checked before long work."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path

from unitscope.errors import InputError


@contextmanager
def disk_errors(path: Path, what: str = "written", needed: int = 0) -> Iterator[None]:
    """Turn what the system says while a path is ``written`` or ``read`` into an ``InputError``."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (ENOSPC, EDQUOT, EFBIG):
            more = f"{size(needed)} are still to be written, " if needed else ""
            raise InputError(
                f"the disk of {path} is full ({reason}): {more}{size(free(path))} are free; what was finished is kept, "
                "make room and give the same command again"
            ) from error
        raise InputError(f"{path} cannot be {what}: {reason}") from error


def check_room(folder: Path, needed: int = 0) -> None:
    """See before long work that files can be made in a folder, or where it will be, and have room.

    Raises ``InputError`` where they cannot.
    """
    there = next(above for above in (folder, *folder.absolute().parents) if above.exists())
    if not there.is_dir():
        raise InputError(f"{there} is no folder, so nothing can be written into {folder}; give another")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{folder} cannot be written: nobody gave you the right to; give another folder")
    if needed > free(there):
        raise InputError(f"{size(needed)} are to be written into {folder}, and {size(free(there))} are free; make room")


def free(path: Path) -> int:
    """Bytes that can still be written to the disk of a path, which may not be there yet."""
    there = next(above for above in (path, *path.absolute().parents) if above.exists())
    return shutil.disk_usage(there).free


def size(count: int) -> str:
    """A number of bytes, for people."""
    return f"{count / 1e9:.2f} GB" if count >= 1e7 else f"{count / 1e6:.2f} MB"
