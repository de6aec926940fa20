"""Long lists: the end in memory, the rest in a temporary file without a name.

About a megabyte is held; what lies on the disk is read where it is asked for.
"""

import struct
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, SupportsIndex, TypeVar, overload

import numpy as np
from jaxtyping import Int, Shaped

from unitscope.files.system import read_at

HELD = 1 << 20
"""Bytes that stay in memory."""
AHEAD = 1 << 14
"""Bytes that are read with those that are asked for."""
NEAR = 256
"""Rows that are read together."""
Item = TypeVar("Item")


class Bytes:
    """Bytes to which more are added, and of which any stretch can be read."""

    def __init__(self) -> None:
        self._file: Any = None
        self._written = 0
        self._last = bytearray()
        self._near: tuple[int, bytes] = 0, b""  # where it begins, and what was read there last

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
        first, near = self._near
        end = first + len(near)
        if first <= start and stop <= end:
            return near[start - first : stop - first]
        if start >= self._written:
            return bytes(self._last[start - self._written : stop - self._written])
        # Who goes on where the last reading ended is likely to go on.
        wanted = max(stop, start + AHEAD) if first <= start < end + AHEAD else stop
        near = read_at(self._file.fileno(), min(wanted, self._written) - start, start)
        self._near = start, near
        return near[: stop - start] + bytes(self._last[: max(0, stop - self._written)])


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
        first, near = self._near
        if 0 <= number - first < len(near):
            return near[number - first]
        place = range(len(self))[number]
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


class Many(Sequence[Item], ABC, Generic[Item]):
    """List whose entries are computed on access, by their place."""

    @overload
    def __getitem__(self, number: SupportsIndex) -> Item: ...
    @overload
    def __getitem__(self, number: slice) -> list[Item]: ...
    def __getitem__(self, number: SupportsIndex | slice) -> Item | list[Item]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        return self._at(range(len(self))[number])

    def __iter__(self) -> Iterator[Item]:
        return map(self._at, range(len(self)))

    @abstractmethod
    def _at(self, place: int) -> Item:
        """The one at a place, counted from 0."""


class Texts(Many[str]):
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

    def _at(self, place: int) -> str:
        start = self._ends[place - 1][0] if place else 0
        return self._content.read(start, self._ends[place][0]).decode(errors="surrogatepass")

    def __iter__(self) -> Iterator[str]:
        start = 0
        for (end,) in self._ends:
            yield self._content.read(start, end).decode(errors="surrogatepass")
            start = end


class Pairs(Many[tuple[str, str]]):
    """Two texts each: one and its label, or its translation."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._content = Bytes()
        self._places = Rows(start="q", middle="q", stop="q")
        for pair in pairs:
            self.append(*pair)

    def append(self, first: str, second: str) -> None:
        """One more."""
        start, content = len(self._content), first.encode(errors="surrogatepass")
        self._content.add(content + second.encode(errors="surrogatepass"))
        self._places.add(start, start + len(content), len(self._content))

    def __len__(self) -> int:
        return len(self._places)

    def _at(self, place: int) -> tuple[str, str]:
        start, middle, stop = self._places[place]
        content, width = self._content.read(start, stop), middle - start
        return content[:width].decode(errors="surrogatepass"), content[width:].decode(errors="surrogatepass")


class Some(Many[Item]):
    """Those with these numbers, in this order."""

    def __init__(self, of: Sequence[Item], numbers: Int[np.ndarray, " some"]) -> None:
        self._of = of
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def _at(self, place: int) -> Item:
        return self._of[int(self._numbers[place])]

    def __iter__(self) -> Iterator[Item]:
        return map(self._of.__getitem__, map(int, self._numbers))


class Firsts(Many[str]):
    """The first text of each pair."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._pairs = pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def _at(self, place: int) -> str:
        return self._pairs[place][0]

    def __iter__(self) -> Iterator[str]:
        return (first for first, _ in self._pairs)
