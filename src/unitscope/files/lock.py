"""One change at a time: a lock on a folder, which ends with the process that holds it and leaves no file behind."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unitscope.errors import InputError
from unitscope.files.room import disk_errors
from unitscope.files.system import take
from unitscope.files.writing import make_folder

PATIENCE = 120.0
"""Seconds to wait for another process that adds to what is kept: long enough for anything but a recording."""
PAUSE = 0.05
"""Seconds between two looks whether a lock is free."""


@contextmanager
def lock(folder: Path, doing: str, patience: float = 0.0) -> Iterator[None]:
    """Make a folder and hold it against every other writer; readers never wait.

    Each thing that changes by itself (a recording's shards, its results, its notes) is a folder of its own.
    ``doing`` says in the other's message what this one does. Raises ``InputError`` when another process still holds
    it after ``patience`` seconds.
    """
    make_folder(folder)
    with disk_errors(folder):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        until = time.monotonic() + patience
        while not _taken(handle):
            if time.monotonic() >= until:
                raise InputError(f"another process is {doing} {folder}; wait for it, or choose another folder")
            time.sleep(PAUSE)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        take(handle)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system that knows no locks; files are still replaced in one step
    return True
