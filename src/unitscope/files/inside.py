"""Paths and files that data may name: quoted names inside a folder, plain files, no links.

A name from data (of a site, an analysis, a match) never becomes a path by itself: ``name_of`` makes a file name of
it that can be nothing else, and ``check_plain`` refuses a folder in which anything leads elsewhere.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from unitscope.errors import InputError
from unitscope.files.digest import digest

LONGEST = 180
"""Bytes of a name; a longer one ends with a digest of all of it."""
SURROGATE = re.compile(r"[\ud800-\udfff]")
"""Half of a character, as which Python reads a byte of a name that is no UTF-8."""


def name_of(text: str) -> str:
    """A file name made of any text; two texts never share one."""
    quoted = quote(text, safe="", errors="surrogatepass")
    if quoted.startswith("."):
        quoted = f"%2E{quoted[1:]}"
    if len(quoted) > LONGEST or not quoted:
        quoted = f"{quoted[: LONGEST - 34]}%-{digest(text.encode(errors='surrogatepass'))[:32]}"
    return quoted


def readable(name: str) -> str:
    """The name of a file as text: bytes that are no UTF-8 are spelt out, so that it can be hashed, kept and shown."""
    return SURROGATE.sub(_spelt, name)


def _spelt(half: re.Match[str]) -> str:
    code = ord(half[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


@contextmanager
def open_plain(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading that is a file: no pipe to wait at, no device."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InputError(f"{path} is no file")
        yield file


def check_plain(folder: Path) -> None:
    """Raises ``InputError`` where a folder that others may have made holds anything but folders and plain files."""
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                else:
                    check_plain_file(entry)


def check_plain_file(entry: Path | os.DirEntry[str]) -> None:
    """Raises ``InputError`` for a link, a pipe or a device."""
    if not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
        kind = "a link" if entry.is_symlink() else "no file"
        raise InputError(
            f"{os.fspath(entry)} is {kind}, and nothing in a recording leads elsewhere; put the file itself there"
        )


def read_into(file: BinaryIO, view: memoryview) -> None:
    """Fill a place in memory with what comes next in a file. Raises ``ValueError`` where the file ends before."""
    while len(view):
        got = file.readinto(view)  # type: ignore[attr-defined]
        if not got:
            raise ValueError("it ends too early")
        view = view[got:]
