"""Files that are wholly there or not there at all, whatever instant the power goes or the process dies.

Everything is written beside its place under a name of its own, waited for until the disk has it, and moved there in
one step. A writer holds a lock on what it writes for as long as it lives, so the next one tells by the lock what a
dead process left and removes it; two writers of one file never meet, and the later one's file stays.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from unitscope.errors import InputError
from unitscope.files.digest import Digest
from unitscope.files.room import disk_errors
from unitscope.files.system import take

PARTIAL = ".partial"
"""Ending of what is being written."""
BEGUN = re.compile(r"\..*\.[0-9a-f]{12}\.partial", re.DOTALL)
"""Its whole name."""
LONGEST = 255
"""Bytes that a file system takes for one name."""
AT_ONCE = 16
"""Files that are waited for together: a disk flushes many as fast as one."""


@dataclass(frozen=True)
class Written:
    """Size and digest of a file, known from writing it."""

    bytes: int
    digest: str


def write(path: Path, *parts: bytes | memoryview) -> Written:
    """Write a file in one step; until then the one before stays. Raises ``InputError`` if the disk refuses."""
    with writing(path) as partial:
        return fill(partial, *parts)


def fill(partial: Path, *parts: bytes | memoryview) -> Written:
    """Write into what ``writing`` or ``writing_folder`` gave, and nothing else: this alone is not done in one step."""
    digest = Digest()
    for part in parts:
        digest.update(memoryview(part).cast("B"))
    return Written(put(partial, *parts), digest.hexdigest())


def put(partial: Path, *parts: bytes | memoryview) -> int:
    """Write there what has digests of its own inside; its size."""
    size = 0
    with open(partial, "wb", buffering=0) as file:
        for part in parts:
            view = memoryview(part).cast("B")
            size += len(view)
            while len(view):
                view = view[file.write(view) :]
    return size


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give an empty file beside ``path`` to write into, which then takes its place.

    An error leaves what was there before. Raises ``InputError`` if the disk refuses.
    """
    with disk_errors(path):
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no file, so no file can take its place; give another name")
        clean(path.parent, path.name)
        partial, handle = _begin_file(path)
        try:
            yield partial
            os.fsync(handle)
            os.replace(partial, path)
            sync(path.parent)
        except BaseException:
            remove(partial)  # on a full disk this makes room again
            raise
        finally:
            os.close(handle)


@contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside ``path`` to make files in with ``fill``; it then takes the place of ``path``."""
    with disk_errors(path):
        clean(path.parent, path.name)
        partial, handle = _begin_folder(path)
        try:
            yield partial
            _sync_all([file for file in sorted(partial.rglob("*")) if file.is_file()])
            for folder in (*(inner for inner in partial.rglob("*") if inner.is_dir()), partial):
                sync(folder)
            remove(path)  # a full folder cannot be replaced
            os.replace(partial, path)
            sync(path.parent)
        except BaseException:
            remove(partial)
            raise
        finally:
            os.close(handle)


class Batch:
    """Several files that are waited for together, in the order in which they were given; made by ``writing_many``."""

    def __init__(self) -> None:
        self.begun: list[tuple[Path, Path, int]] = []
        """Where each is to be, where it is, and the handle that holds its lock."""
        self.cleaned: set[Path] = set()
        """Folders in which nothing is left of dead processes."""

    def write(self, path: Path, *parts: bytes | memoryview) -> Written:
        """Write one; it takes its place when all are on the disk."""
        with disk_errors(path):
            if path.parent not in self.cleaned:
                clean(path.parent)
                self.cleaned.add(path.parent)
            partial, handle = _begin_file(path)
            self.begun.append((path, partial, handle))
            return fill(partial, *parts)


@contextmanager
def writing_many(folder: Path) -> Iterator[Batch]:
    """Write several files of a folder or of folders in it: each in one step, none before all are on the disk."""
    batch = Batch()
    with disk_errors(folder):
        try:
            yield batch
            _sync_all([partial for _, partial, _ in batch.begun])
            for path, partial, _ in batch.begun:
                os.replace(partial, path)
            for parent in {path.parent for path, _, _ in batch.begun}:
                sync(parent)
        except BaseException:
            for _, partial, _ in batch.begun:
                remove(partial)
            raise
        finally:
            for _, _, handle in batch.begun:
                os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises ``InputError`` if that cannot be."""
    with disk_errors(folder):
        missing = [above for above in (folder, *folder.parents) if not above.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for made in missing:
            sync(made.parent)


def clean(folder: Path, name: str | None = None) -> None:
    """Remove what dead processes left in a folder: of a file's name, or of any. What lives is left alone."""
    before = "." if name is None else _stem(name)
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(before) and BEGUN.fullmatch(entry.name) and _is_dead(Path(entry.path)):
                remove(Path(entry.path))


def clean_below(folder: Path) -> None:
    """Remove what dead processes left in a folder and in all folders below it."""
    for where, _, _ in os.walk(folder):
        clean(Path(where))


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


def _stem(name: str) -> str:
    """Prefix of the temporary names of a file; short enough to leave room for the rest."""
    kept = name.encode(errors="surrogateescape")[: LONGEST - len(PARTIAL) - 20]
    return f".{kept.decode(errors='ignore')}."


def _beside(path: Path) -> Path:
    return path.with_name(f"{_stem(path.name)}{secrets.token_hex(6)}{PARTIAL}")


def _begin_file(path: Path) -> tuple[Path, int]:
    while True:
        partial = _beside(path)
        handle = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if _hold(handle):
            return partial, handle


def _begin_folder(path: Path) -> tuple[Path, int]:
    while True:
        partial = _beside(path)
        partial.mkdir()
        handle = os.open(partial, os.O_RDONLY)
        if _hold(handle):
            return partial, handle


def _hold(handle: int) -> bool:
    """Lock what was just made; False if another process took it for a dead one's in the instant between."""
    try:
        take(handle)
    except BlockingIOError:
        os.close(handle)
        return False
    except OSError:
        return True  # a file system without locks: nothing will be cleaned there either
    if os.fstat(handle).st_nlink:
        return True
    os.close(handle)
    return False


def _is_dead(partial: Path) -> bool:
    """Whether nobody holds the lock of what was begun."""
    try:
        handle = os.open(partial, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return partial.is_symlink()  # never made by a writer
    try:
        take(handle)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _sync_all(files: list[Path]) -> None:
    if len(files) > 1:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(sync, files))
    else:
        for file in files:
            sync(file)
