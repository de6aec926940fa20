"""The documents of a text: which files there are, where they are cut, and what is in them.

Only this table grows with a corpus. The text itself stays on disk and is read a document at a time.
"""

import fnmatch
import hashlib
import itertools
import os
import sys
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Literal, overload

import numpy as np
from jaxtyping import Int

from unitscope.corpus.dialect import Notes
from unitscope.corpus.opening import SNIFF, coding, open_bytes, unreadable
from unitscope.corpus.spilled import Rows
from unitscope.corpus.vocabulary import UNKNOWN, Vocabulary
from unitscope.errors import InputError
from unitscope.files.inside import readable
from unitscope.files.jsons import HEAD

Unit = Literal["bytes", "characters"]
DOCUMENT_BYTES = 1_000_000
"""Files longer than this are cut into documents of about this length, since one document is what memory must hold."""
NEAR = 1 << 16
"""How far before the wanted place a line end is looked for, in bytes."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file, or bytes ``start`` to ``stop`` of one, and the name by which the corpus knows it."""

    name: str
    path: Path
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file, or a piece of a long one: bytes ``start`` to ``stop``."""

    name: str
    path: Path
    start: int
    stop: int
    tokens: int
    digest: str
    """Hexadecimal SHA-256 of the bytes."""

    def read(self) -> bytes:
        """The bytes. Raises ``InputError`` if the file has become shorter or cannot be read."""
        content = read_bytes(self.path, self.start, self.stop)
        if len(content) < self.stop - self.start:
            raise InputError(f"{self.path} has become shorter while it was being read; open the corpus again")
        return content


class Entries(Sequence[Document]):
    """The documents of a text. Numbers and digests of each lie on the disk where there are many."""

    def __init__(self, files: Sequence[TextFile]) -> None:
        self._files = files
        self._rows = Rows(file="q", start="q", stop="q", tokens="q", digest="32s")

    def add(self, file: int, start: int, stop: int, tokens: int, digest: bytes) -> None:
        """One more, of a file by its number."""
        self._rows.add(file, start, stop, tokens, digest)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, number: int) -> Document: ...
    @overload
    def __getitem__(self, number: slice) -> list[Document]: ...
    def __getitem__(self, number: int | slice) -> Document | list[Document]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        at, start, stop, tokens, digest = self._rows[number]
        file = self._files[at]
        return Document(file.name, file.path, start, stop, tokens, digest.hex())

    @property
    def tokens(self) -> Int[np.ndarray, " document"]:
        """Number of tokens of each document."""
        return self._rows.column("tokens")

    @property
    def file(self) -> Int[np.ndarray, " document"]:
        """The number of the file that each document is, or is a piece of."""
        return self._rows.column("file")

    def file_of(self, number: int) -> int:
        """The same of one document."""
        return int(self._rows[number][0])

    def size(self, number: int) -> int:
        """The tokens of one document."""
        return int(self._rows[number][3])

    def digest(self, number: int) -> str:
        """Hexadecimal SHA-256 of a document's bytes."""
        return str(self._rows[number][4].hex())

    def digests(self) -> Iterator[str]:
        """Digests of all documents, in order."""
        return (row[4].hex() for row in self._rows)


@dataclass(frozen=True)
class Documents:
    """All documents of a text, in order, and how often each symbol occurs in them."""

    unit: Unit
    entries: Entries
    counts: dict[str, int]
    files: int
    """On the disk."""

    @cached_property
    def tokens(self) -> int:
        return int(self.entries.tokens.sum())

    @cached_property
    def _cut(self) -> dict[int, str]:
        """Digest of each file that was cut into several documents."""
        file = self.entries.file
        edges = np.flatnonzero(np.diff(file, prepend=-1, append=-1))
        found = {}
        for first, after in itertools.pairwise(edges.tolist()):
            if after > first + 1:
                own = "\n".join(self.entries.digest(number) for number in range(first, after))
                found[int(file[first])] = hashlib.sha256(own.encode()).hexdigest()
        return found

    def whole(self, number: int) -> str:
        """The digest of the file that a document is a piece of; empty where it is all of it."""
        return self._cut.get(self.entries.file_of(number), "") if self._cut else ""

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the content."""
        made = hashlib.sha256()
        for number, digest in enumerate(self.entries.digests()):
            made.update(("\n" * (number > 0) + digest).encode())
        return made.hexdigest()

    def vocabulary(self, at_least: int = 1) -> Vocabulary:
        """The symbols that occur at least so often; above 1, rarer ones are read as ``UNKNOWN``."""
        kept = [symbol for symbol, count in self.counts.items() if count >= at_least]
        return Vocabulary.of([*kept, UNKNOWN] if at_least > 1 else kept)


def scan(files: Sequence[TextFile], unit: Unit, document_bytes: int = DOCUMENT_BYTES) -> Documents:
    """Read every file once and note its documents. Empty files are left out.

    Raises ``InputError`` if a file cannot be read, if nothing is left, or if the unit is characters and a file is no
    UTF-8.
    """
    if unit not in ("bytes", "characters"):
        raise InputError(f"text is read as bytes or as characters, not as {unit!r}")
    entries = Entries(files)
    total = np.zeros(256 if unit == "bytes" else sys.maxunicode + 1, np.int64)
    paths: set[Path] = set()
    with Opened() as opened:
        for number, file in enumerate(files):
            for start, stop in pieces(file, document_bytes):
                content = opened.read(file.path, start, stop)
                symbols = codes(content, unit, file.path, start)
                if len(symbols) < len(total):
                    np.add.at(total, symbols, 1)
                else:
                    total += np.bincount(symbols, minlength=len(total))
                paths.add(file.path)
                entries.add(number, start, stop, len(symbols), hashlib.sha256(content).digest())
    if not len(entries):
        where = "the text" if len(files) != 1 else str(files[0].path)
        raise InputError(f"{where} is empty; give a text of at least one character")
    counts = {chr(code): int(total[code]) for code in np.flatnonzero(total)}
    return Documents(unit, entries, counts, len(paths))


def codes(content: bytes, unit: Unit, path: Path, start: int = 0) -> np.ndarray:
    """The number of each symbol: byte values (uint8), or code points (uint32).

    ``start`` is where the content begins in the file, for the message of the ``InputError`` if it is no UTF-8.
    """
    if unit == "bytes":
        return np.frombuffer(content, np.uint8)
    return np.frombuffer(decode(content, path, start).encode("utf-32-le"), np.uint32)


def decode(content: bytes, path: Path, start: int = 0) -> str:
    """The text of UTF-8 bytes. Raises ``InputError`` with file and byte offset for anything else."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is no UTF-8: byte {start + error.start} is 0x{content[error.start]:02x}; give its encoding, often "
            "--encoding latin-1, or read it as bytes"
        ) from error


def pieces(file: TextFile, document_bytes: int) -> Iterator[tuple[int, int]]:
    """Where a file is cut: first byte and byte after the last of each document.

    The pieces are about equally long. A cut lies behind a line end if there is one within the 64 KB before the
    wanted place, and never inside a UTF-8 character.
    """
    try:
        end = file.path.stat().st_size if file.stop is None else file.stop
    except OSError as error:
        raise unreadable(file.path, error) from error
    begin, size = file.start, end - file.start
    count = -(-size // document_bytes)
    start = begin
    for number in range(1, count + 1):
        stop = end if number == count else _cut(file.path, start, begin + number * size // count)
        if stop > start:
            yield start, stop
        start = stop


def _cut(path: Path, start: int, wanted: int) -> int:
    low = max(start, wanted - NEAR)
    near = read_bytes(path, low, wanted + 4)
    line_end = near.rfind(b"\n", 0, wanted - low)
    if line_end >= 0:
        return low + line_end + 1
    back = wanted - low
    while back > 0 and back < len(near) and near[back] & 0xC0 == 0x80 and wanted - low - back < 4:
        back -= 1
    return low + back


def find_files(
    paths: Sequence[Path], pattern: str = "*", without: Set[str] = frozenset(), notes: Notes | None = None
) -> list[TextFile]:
    """The files themselves, and the text files in the folders, recursively, sorted by name.

    In a folder, files that do not match ``pattern`` (a glob over the file's name), hidden files and folders,
    folders whose name is in ``without``, recordings, networks, and files that are empty or no text are passed over.
    Raises ``InputError`` for a path that does not exist and for a folder without text.
    """
    found = []
    for path in paths:
        if path.is_dir():
            every = _walk(path, pattern, without)
            inside = [file for file in every if _is_text(file)]
            if notes is not None:
                notes.count("files that are empty or no text passed over", len(every) - len(inside))
            if not inside:
                matching = "" if pattern == "*" else f" that matches {pattern!r}"
                raise InputError(f"{path} holds no text file{matching}; give a folder with text, or a file")
            prefix = f"{path.name}/" if len(paths) > 1 else ""
            found += [TextFile(prefix + readable(file.relative_to(path).as_posix()), file) for file in inside]
        elif path.exists():
            found.append(TextFile(readable(path.name), path))
        else:
            raise InputError(
                f"{path} does not exist; give a text file, a folder of them, or a name of unitscope data corpora"
            )
    return found


def _walk(folder: Path, pattern: str, without: Set[str]) -> list[Path]:
    files = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in without)
        if Path(where) != folder and _is_made_here(where, names):
            folders.clear()
            continue
        shown = [name for name in names if not name.startswith(".")]
        files += [Path(where, name) for name in shown if fnmatch.fnmatchcase(name, pattern)]
    return sorted(files)


def _is_made_here(where: str, names: Sequence[str]) -> bool:
    """Whether a folder is a recording or a network, which may lie among the texts that it is of and is none of them."""
    if any(name.endswith(".safetensors") for name in names):
        return True
    if "manifest.json" not in names:
        return False
    with open(Path(where, "manifest.json"), "rb") as file:
        return HEAD.match(file.read(SNIFF)) is not None


def _is_text(path: Path) -> bool:
    """Not empty, and unpacked of an encoding that can be told."""
    if not path.is_file():
        return False
    try:
        with open_bytes(path) as stream:
            head = stream.read(SNIFF)
        coding(head, "", str(path))
    except InputError:
        return False
    return bool(head)


class Opened:
    """A file that stays open while one stretch of it after the other is read; to be used in ``with``."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._file: BinaryIO | None = None

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def read(self, path: Path, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop`` of a file; fewer at its end."""
        try:
            if self._file is None or path is not self._path:
                self.__exit__()
                self._path, self._file = path, path.open("rb")
            self._file.seek(start)
            return self._file.read(stop - start)
        except OSError as error:
            raise unreadable(path, error) from error


def read_bytes(path: Path, start: int, stop: int) -> bytes:
    """Bytes ``start`` to ``stop`` of a file; fewer at its end."""
    with Opened() as opened:
        return opened.read(path, start, stop)
