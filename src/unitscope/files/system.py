"""Calls that Windows lacks and Linux and macOS have: advisory locks, and reads at an offset."""

import os
from types import ModuleType

from unitscope.errors import InputError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def take(handle: int) -> None:
    """Lock an open file or folder without waiting. Raises ``BlockingIOError`` where another process holds it, and
    ``OSError`` on a file system without locks.
    """
    if fcntl is None:
        raise InputError("this system has no POSIX file locks, which unitscope writes with; on Windows, run it in WSL")
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def read_at(handle: int, length: int, offset: int) -> bytes:
    """Bytes of an open file at an offset; its position stays."""
    if not hasattr(os, "pread"):
        raise InputError("this system cannot read at an offset, which unitscope needs; on Windows, run it in WSL")
    return os.pread(handle, length, offset)
