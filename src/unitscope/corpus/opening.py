"""The one place where a file of text is opened: unpacked, its encoding found, its lines counted.

A path may be a file, a pipe or ``-`` for standard input, plain or packed (gzip, xz, Zstandard, bzip2, told by its first
bytes and not by its name). Where no encoding is told, a byte order mark tells it, and without one it is UTF-8. A file
with zero bytes is no text in any encoding that is read without being told.
"""

import bz2
import codecs
import gzip
import io
import itertools
import lzma
import shutil
import sys
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from unitscope.corpus.dialect import Notes
from unitscope.errors import InputError

STANDARD_INPUT = "-"
SNIFF = 1 << 13
"""A file is taken for text if its first bytes, so many, hold no zero (git's rule)."""
BINARY = "binary"
"""The encoding of bytes that are no text."""
PLAIN = ("utf-8", BINARY)
"""Encodings of files that are read where they lie."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks and what they tell."""
_BUFFER = 1 << 18
_UNPACK: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"\xfd7zXZ\0": lambda raw: lzma.LZMAFile(raw),  # noqa: SIM115
    b"BZh": lambda raw: bz2.BZ2File(raw),
    b"\x28\xb5\x2f\xfd": lambda raw: pa.CompressedInputStream(raw, "zstd"),
}


def shown(path: Path | str) -> str:
    """Name of a file in messages."""
    return "standard input" if str(path) == STANDARD_INPUT else str(path)


class _Stream(io.RawIOBase):
    """Some first bytes that were read already, then the rest; what goes wrong on the way is an ``InputError``."""

    def __init__(self, head: bytes, rest: Any, name: str, *, close: Sequence[Any] = ()) -> None:
        self._head = memoryview(head)
        self._rest = rest
        self._name = name
        self._close = close

    def readable(self) -> bool:
        return True

    def readinto(self, into: "memoryview | bytearray") -> int:  # type: ignore[override]
        try:
            part = self._head[: len(into)] if self._head else self._rest.read(len(into))
        except (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException) as error:
            raise InputError(f"{self._name} cannot be read to its end: {error}; fetch or pack it again") from error
        into[: len(part)] = part
        self._head = self._head[len(part) :]
        return len(part)

    def close(self) -> None:
        for stream in self._close:
            stream.close()
        super().close()


def open_bytes(path: Path | str) -> io.BufferedIOBase:
    """The bytes of a file, unpacked. Raises ``InputError`` if it cannot be read."""
    name, own = shown(path), str(path) != STANDARD_INPUT
    try:
        raw: Any = open(path, "rb") if own else sys.stdin.buffer  # noqa: SIM115
        head = raw.read(8)
    except OSError as error:
        raise unreadable(path, error) from error
    stream = io.BufferedReader(_Stream(head, raw, name, close=[raw] if own else []), _BUFFER)
    unpack = next((unpack for magic, unpack in _UNPACK.items() if head.startswith(magic)), None)
    if unpack is None:
        return stream
    packed = unpack(stream)
    unpacked = io.BufferedReader(_Stream(b"", packed, name, close=[packed, stream]), _BUFFER)
    if is_packed(_begin(unpacked)):
        unpacked.close()
        raise InputError(f"{name} is packed twice; unpack it once")
    return unpacked


def _begin(stream: "io.BufferedReader[_Stream]") -> bytes:
    """The first bytes, which are still to be read; none where it cannot be unpacked, which is said when it is read."""
    try:
        return stream.peek(8)[:8]
    except InputError:
        return b""


def is_packed(head: bytes) -> bool:
    """Whether a file that begins so is packed."""
    return head.startswith(tuple(_UNPACK))


def open_seekable(path: Path | str) -> Any:
    """The bytes of a file, unpacked, in which one can go back: the file itself where that is possible, else a copy."""
    if Path(path).is_file():
        raw = open(path, "rb")  # noqa: SIM115
        if not is_packed(raw.read(8)):
            raw.seek(0)
            return raw
        raw.close()
    copy = tempfile.TemporaryFile(prefix="unitscope-")  # noqa: SIM115
    try:
        with open_bytes(path) as stream:
            shutil.copyfileobj(stream, copy, _BUFFER)
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return copy


def coding(head: bytes, told: str, name: str) -> tuple[str, int]:
    """The encoding of a text that begins so, and the bytes of its byte order mark.

    Raises ``InputError`` for an encoding that there is not, and for zero bytes where none is told.
    """
    for mark, kind in MARKS:
        if head.startswith(mark) and (not told or codec(told).startswith(kind[:6].rstrip("-"))):
            return kind, len(mark)
    if told:
        return codec(told), 0
    if b"\0" in head:
        likely = next((kind for kind in ("utf-16-le", "utf-16-be") if _reads(head, kind)), "")
        if head[:4] in (b"PK\3\4", b"%PDF"):
            raise InputError(f"{name} is an archive or a document, not a text; unpack it, or save its text")
        if likely:
            raise InputError(f"{name} holds zero bytes as UTF-16 does; if it is that, say so: --encoding {likely}")
        raise InputError(
            f"{name} holds zero bytes, so it is no text; give another file, or its encoding (utf-16, utf-32, or "
            f"{BINARY} to read the bytes as they are)"
        )
    return "utf-8", 0


def _reads(head: bytes, kind: str) -> bool:
    """Whether bytes are text in an encoding of two bytes: nearly all printed, or white space, and most of it Latin."""
    text = head[: len(head) // 2 * 2].decode(kind, "replace")
    printed = sum(sign.isprintable() or sign.isspace() for sign in text)
    return printed > 0.95 * len(text) and sum(sign < "\u0250" for sign in text) > len(text) / 2


def codec(name: str) -> str:
    """The name of a text encoding as Python writes it. Raises ``InputError`` if there is no such encoding."""
    if name == BINARY:
        return BINARY
    try:
        "".encode(name)  # there are codecs of other things than text
        found = codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise InputError(f"no encoding is called {name!r}; utf-8 and latin-1 are the most frequent") from error
    return "utf-8" if found == "utf-8-sig" else found


class Lines:
    """The lines of a file, one at a time, with the number of the last one that was given; to be used in ``with``.

    A line ends at a line feed, with or without a carriage return before it; where a file begins with carriage returns
    alone, at those. Raises ``InputError``, with file and line, for what is no text.
    """

    def __init__(self, path: Path | str, encoding: str = "", notes: Notes | None = None) -> None:
        self.path = Path(path)
        self.name = shown(path)
        self.number = 0
        self._stream = open_bytes(path)
        try:
            head = self._stream.read(SNIFF)
            self.encoding, mark = coding(head, encoding, self.name)
        except BaseException:
            self._stream.close()
            raise
        if notes is not None and not encoding and self.encoding != "utf-8":
            notes.fact(f"{self.path.name} is {self.encoding.upper()}")
        self._rest = io.BufferedReader(_Stream(head[mark:], self._stream, self.name), _BUFFER)
        self._lines = self._read(self._rest, head)
        self._ahead: deque[str] = deque()

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    @property
    def where(self) -> str:
        """File and line, for messages."""
        return f"{self.name}:{self.number}"

    def __iter__(self) -> Iterator[str]:
        """Without their ends."""
        for line in self.whole():
            yield line.removesuffix("\n").removesuffix("\r")

    def whole(self) -> Iterator[str]:
        """With their ends."""
        while self._ahead:
            self.number += 1
            yield self._ahead.popleft()
        for line in self._lines:
            self.number += 1
            yield line

    def head(self, count: int) -> list[str]:
        """The next lines without their ends, so many at most; they are still to come."""
        self._ahead.extend(itertools.islice(self._lines, max(0, count - len(self._ahead))))
        return [line.removesuffix("\n").removesuffix("\r") for line in itertools.islice(self._ahead, count)]

    def copy(self, to: Any) -> None:
        """Write all of the text as UTF-8, or as the bytes that it is; before any line is asked for."""
        if self.encoding in PLAIN:
            shutil.copyfileobj(self._rest, to, _BUFFER)
        else:
            to.writelines(line.encode(errors="replace") for line in self.whole())

    def _read(self, stream: io.BufferedIOBase, head: bytes) -> Iterator[str]:
        carriage = b"\r" in head and b"\n" not in head
        if carriage or self.encoding.startswith(("utf-16", "utf-32")):
            yield from self._decoded(stream, "\r" if carriage else "\n")
            return
        number, encoding = 0, "latin-1" if self.encoding == BINARY else self.encoding
        try:
            for number, raw in enumerate(stream, 1):  # noqa: B007
                yield raw.decode(encoding)
        except UnicodeDecodeError as error:
            raise no_text(f"{self.name}:{number}", error) from error

    def _decoded(self, stream: io.BufferedIOBase, newline: str) -> Iterator[str]:
        number = 0
        try:
            for number, line in enumerate(io.TextIOWrapper(cast(Any, stream), self.encoding, newline=newline), 1):  # noqa: B007
                yield line
        except UnicodeDecodeError as error:
            raise no_text(f"{self.name}, after line {number}", error) from error


def no_text(where: str, error: UnicodeDecodeError) -> InputError:
    """The message for bytes that are no text in an encoding: what was found, and what would work."""
    if error.reason in ("truncated data", "unexpected end of data"):
        return InputError(f"{where}: the file breaks off inside a character; fetch it again")
    found = f"0x{error.object[error.start]:02x}"
    # The first half of the upper codes are no signs in Latin-1; there Windows keeps dashes and quotation marks.
    other = "cp1252" if any(0x80 <= byte < 0xA0 for byte in error.object) else "latin-1"
    other = other if error.encoding.startswith("utf") else "utf-8"
    return InputError(
        f"{where}: {found} is no {error.encoding} text ({error.reason}); give its encoding, often --encoding {other}"
    )


def unreadable(path: Path | str, error: OSError) -> InputError:
    """The message for a file that the system will not give."""
    return InputError(f"{shown(path)} cannot be read: {error.strerror or error}")
