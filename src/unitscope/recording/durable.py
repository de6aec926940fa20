"""Files that are wholly there or not there at all, whatever instant the power goes."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path

from unitscope.errors import InputError

PARTIAL = ".partial"
"""Ending of what is being written. Whatever carries it was interrupted and can be deleted."""


@dataclass(frozen=True)
class Written:
    """What is known about a file from writing it."""

    bytes: int
    sha256: str


def write(path: Path, *parts: bytes | memoryview) -> Written:
    """Write a file and wait until the disk has it. Not atomic: a file that others may see needs ``replace``."""
    digest = hashlib.sha256()
    size = 0
    with open(path, "wb", buffering=0) as file:
        for part in parts:
            view = memoryview(part).cast("B")
            digest.update(view)
            size += len(view)
            while len(view):
                view = view[file.write(view) :]
        os.fsync(file.fileno())
    return Written(size, digest.hexdigest())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a place beside ``path`` to make a file or folder in, which is then moved to ``path`` in one step."""
    partial = path.with_name(path.name + PARTIAL)
    remove(partial)
    try:
        yield partial
        sync(partial)
        if partial.is_dir():
            remove(path)  # a full folder cannot be replaced; only a damaged one ever is
        os.replace(partial, path)
        sync(path.parent)
    except BaseException:
        remove(partial)  # on a full disk this makes room again
        raise


def sync(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Delete a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The checksum of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def disk_errors(folder: Path, needed: int) -> Iterator[None]:
    """Turn what a disk can say while ``needed`` more bytes are written into an ``InputError``."""
    try:
        yield
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT, EFBIG):
            raise InputError(
                f"the disk is full ({error.strerror}): {gigabytes(needed)} are still to be written into {folder}, "
                f"{gigabytes(free(folder))} are free; finished shards are kept, make room and record again to continue"
            ) from error
        raise InputError(f"cannot write into {folder}: {error}") from error


def free(folder: Path) -> int:
    """Bytes that can still be written to the disk of a folder."""
    return shutil.disk_usage(folder).free


def gigabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1e9:.2f} GB" if size >= 1e7 else f"{size / 1e6:.2f} MB"
