"""What there may be millions of: the last of it in memory, the rest in a temporary file without a name.

About a megabyte is held; what lies on the disk is read where it is asked for.
"""

import os
import struct
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from jaxtyping import Shaped

HELD = 1 << 20
"""Bytes that stay in memory."""
NEAR = 256
"""Rows that are read together."""


class Bytes:
    """Bytes to which more are added, and of which any stretch can be read."""

    def __init__(self) -> None:
        self._file: Any = None
        self._written = 0
        self._last = bytearray()

    def __len__(self) -> int:
        return self._written + len(self._last)

    def add(self, content: bytes) -> None:
        """More at the end."""
        self._last += content
        if len(self._last) > HELD:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="unitscope-")  # noqa: SIM115
                weakref.finalize(self, self._file.close)
            self._file.write(self._last)
            self._file.flush()
            self._written += len(self._last)
            self._last = bytearray()

    def read(self, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop``."""
        if start >= self._written:
            return bytes(self._last[start - self._written : stop - self._written])
        found = os.pread(self._file.fileno(), min(stop, self._written) - start, start)
        return found + bytes(self._last[: max(0, stop - self._written)])


class Rows:
    """Rows of the same columns: by name ``q`` for whole numbers, ``32s`` for so many bytes."""

    def __init__(self, **columns: str) -> None:
        self._struct = struct.Struct("<" + "".join(columns.values()))
        kinds = {name: "<i8" if code == "q" else f"V{code[:-1]}" for name, code in columns.items()}
        self._type = np.dtype(list(kinds.items()))
        self._bytes = Bytes()
        self._near: tuple[int, list[tuple[Any, ...]]] = 0, []  # the first, and the rows

    def __len__(self) -> int:
        return len(self._bytes) // self._struct.size

    def add(self, *values: int | bytes) -> None:
        """One more row."""
        self._bytes.add(self._struct.pack(*values))

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        place = range(len(self))[number]
        first, near = self._near
        if not 0 <= place - first < len(near):
            # The next ones are likely to be asked for next.
            first, width = place - place % NEAR, self._struct.size
            block = self._bytes.read(first * width, min(first + NEAR, len(self)) * width)
            near = list(self._struct.iter_unpack(block))
            self._near = first, near
        return near[place - first]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for block in self._blocks():
            yield from self._struct.iter_unpack(block)

    def column(self, name: str) -> Shaped[np.ndarray, " row"]:
        """One column of all rows."""
        made = np.empty(len(self), self._type[name])
        first = 0
        for block in self._blocks():
            values = np.frombuffer(block, self._type)[name]
            made[first : first + len(values)] = values
            first += len(values)
        return made

    def _blocks(self) -> Iterator[bytes]:
        step = max(1, HELD // self._struct.size) * self._struct.size
        for start in range(0, len(self._bytes), step):
            yield self._bytes.read(start, min(start + step, len(self._bytes)))


class Texts(Sequence[str]):
    """Texts end to end."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._content = Bytes()
        self._ends = Rows(end="q")
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """One more. Half a surrogate pair is kept as it is."""
        self._content.add(text.encode(errors="surrogatepass"))
        self._ends.add(len(self._content))

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> list[str]: ...
    def __getitem__(self, number: int | slice) -> str | list[str]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        place = range(len(self))[number]
        start = self._ends[place - 1][0] if place else 0
        return self._content.read(start, self._ends[place][0]).decode(errors="surrogatepass")

    def __iter__(self) -> Iterator[str]:
        start = 0
        for (end,) in self._ends:
            yield self._content.read(start, end).decode(errors="surrogatepass")
            start = end
