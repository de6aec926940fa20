"""The activations of one site in one shard: a safetensors file, laid out so that one unit is one run of bytes.

Units lie in blocks of 64: tensors ``u000000``, ``u000064``, … of shape ``[64, token]`` (the last may be lower).
Reading a unit touches only its own bytes; reading all units goes through the file in few long strides. After them stand
each unit's course (least, mean and largest value of every 64 tokens) and, at the end, digests of every 4,096 values of
each unit and of its course, so that what is read is checked as it is read, at the cost of little more than its bytes.
The file is plain safetensors, so that every other program can read it too.
"""

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped, UInt8
from torch import Tensor

from unitscope.errors import InputError
from unitscope.files.arrays import header_bytes, read_header
from unitscope.files.damage import damaged
from unitscope.files.digest import Digest, digest
from unitscope.files.inside import open_plain, read_into
from unitscope.files.room import disk_errors
from unitscope.files.system import read_at
from unitscope.files.writing import Written, put

BLOCK = 64
STEP = 64
"""Tokens of a step of a unit's course."""
PIECE = 4_096
"""Tokens of a unit that have a digest."""

TYPES: dict[str, tuple[str, torch.dtype]] = {
    "float32": ("F32", torch.float32),
    "float16": ("F16", torch.float16),
    "bfloat16": ("BF16", torch.bfloat16),
}
"""Precisions that can be kept: what safetensors and what torch call them."""

COURSE = "course"
DIGESTS = "digests"
DIGEST_BYTES = 16
"""Of one piece: 128 bits of BLAKE3."""
MEND = "record again with the same settings, which makes that shard anew and keeps the others"


def precision_bytes(precision: str) -> int:
    """Bytes of one value. Raises ``InputError`` for a precision that cannot be kept."""
    if precision not in TYPES:
        raise InputError(f"activations cannot be kept as {precision!r}; there are: {', '.join(TYPES)}")
    return TYPES[precision][1].itemsize


def write_blocks(path: Path, values: Float[Tensor, "unit token"], precision: str) -> Written:
    """Write unit-major values, already in the precision that is kept.

    The digest that is returned is of the header and of the pieces' own digests, which stand at the end of the file; so
    every byte is digested once, and each piece can be checked without the others.
    """
    code, _ = TYPES[precision]
    units, tokens = values.shape
    rows, courses = _bytes(values), _bytes(_course(values))
    piece = PIECE * values.element_size()
    digests = b"".join(
        b"".join(_digest(row[at : at + piece].data) for at in range(0, len(row), piece)) + _digest(course.data)
        for row, course in zip(rows, courses, strict=True)
    )
    header = header_bytes(_entries(units, tokens, code))
    size = put(path, header, *(part.data if part.size else b"" for part in (rows, courses)), digests)
    return Written(size, digest(header, digests))


def _bytes(values: Shaped[Tensor, "unit value"]) -> UInt8[np.ndarray, "unit byte"]:
    if not values.numel():
        return np.empty((len(values), 0), np.uint8)
    return values.contiguous().view(torch.uint8).numpy()


def _course(values: Float[Tensor, "unit token"]) -> Float[Tensor, "unit value"]:
    """Least, mean and largest of every ``STEP`` tokens, end to end, in the precision that is kept."""
    units, tokens = values.shape
    whole = tokens // STEP * STEP
    made = torch.empty(units, 3, -(-tokens // STEP), dtype=values.dtype)
    tiles = [(start, min(start + PIECE, whole), STEP) for start in range(0, whole, PIECE)]
    tiles += [(whole, tokens, tokens - whole)] if whole < tokens else []
    for first in range(0, units, BLOCK):
        for start, stop, length in tiles:  # as float32 in the processor's cache
            part = values[first : first + BLOCK, start:stop].float().unflatten(1, (-1, length))
            steps = slice(start // STEP, -(-stop // STEP))
            for place, found in enumerate((part.amin(2), part.mean(2), part.amax(2))):
                made[first : first + BLOCK, place, steps] = found
    return made.flatten(1)


def _entries(units: int, tokens: int, code: str) -> list[tuple[str, str, tuple[int, ...]]]:
    """Name, type and shape of every tensor of a file, in their order."""
    blocks = [(block_name(first), code, (min(BLOCK, units - first), tokens)) for first in range(0, units, BLOCK)]
    course = (COURSE, code, (units, 3, -(-tokens // STEP)))
    return [*blocks, course, (DIGESTS, "U8", (units, _pieces(tokens) + 1, DIGEST_BYTES))]


def _pieces(tokens: int) -> int:
    return -(-tokens // PIECE)


def _digest(row: memoryview) -> bytes:
    return Digest(row).digest(length=DIGEST_BYTES)


def block_name(first: int) -> str:
    """The name of the block that begins with a unit."""
    return f"u{first:06d}"


@dataclass(frozen=True)
class Blocks:
    """A file of blocks, its header read and checked. Nothing is kept open."""

    path: Path
    units: int
    tokens: int
    dtype: torch.dtype
    starts: tuple[int, ...]
    """Where the bytes of each block, and then of the courses, begin in the file."""
    digests: bytes
    """Of each unit's pieces and of its course, end to end."""

    @classmethod
    def open(cls, path: Path, units: int, tokens: int, precision: str, expected: str) -> "Blocks":
        """Read the header and the digests.

        Raises ``InputError`` unless they are what was written (``expected`` is their digest) and the file holds these
        units and tokens, whole.
        """
        code, dtype = TYPES[precision]
        try:
            with disk_errors(path, "read"), open_plain(path) as file:
                header = read_header(file)
                file.seek(0)
                head = bytearray(header.begin)
                read_into(file, memoryview(head))
                wanted = {name: (kind, shape) for name, kind, shape in _entries(units, tokens, code)}
                found = {name: (entry.code, entry.shape) for name, entry in header.entries.items()}
                if found != wanted:
                    odd = min(name for name in {**found, **wanted} if found.get(name) != wanted.get(name))
                    raise ValueError(f"{odd} is {found.get(odd)}, it should be {wanted.get(odd)}")
                digests = bytearray(units * (_pieces(tokens) + 1) * DIGEST_BYTES)
                file.seek(header.entries[DIGESTS].start)
                read_into(file, memoryview(digests))
            if digest(head, digests) != expected:
                raise ValueError("its digests differ from what its shard's list says")
        except ValueError as error:
            raise damaged(path, error, MEND) from error
        starts = [header.entries[block_name(first)].start for first in range(0, units, BLOCK)]
        starts.append(header.entries[COURSE].start)
        return cls(path, units, tokens, dtype, tuple(starts), bytes(digests))

    def unit(self, unit: int) -> Float[Tensor, " token"]:
        """All values of one unit as float32, reading no other byte. Raises ``InputError`` where they are damaged."""
        return torch.from_numpy(self.part([unit], 0, self.tokens)[0])

    def part(self, units: Sequence[int], start: int, stop: int) -> Float[np.ndarray, "unit token"]:
        """Some tokens of some units as float32, reading only the pieces that they stand in.

        Raises ``InputError`` where these are damaged.
        """
        size = self.dtype.itemsize
        found = np.empty((len(units), stop - start), np.float32)
        first, last = start // PIECE, _pieces(stop)
        begin, end = first * PIECE, min(last * PIECE, self.tokens)
        with self._opened() as file:
            for place, unit in enumerate(units):
                at = self.starts[unit // BLOCK] + (unit % BLOCK * self.tokens + begin) * size
                data = bytearray(read_at(file.fileno(), (end - begin) * size, at))
                self.check_pieces(unit, first, memoryview(data))
                if stop > start:
                    values = torch.frombuffer(data, dtype=self.dtype)[start - begin : stop - begin]
                    found[place] = values.float().numpy()
        return found

    def course(self, unit: int) -> Float[np.ndarray, "3 step"]:
        """Least, mean and largest value of every ``STEP`` tokens. Raises ``InputError`` where they are damaged."""
        with self._opened() as file:
            return self._course(file, unit)

    def expect(self, units: Sequence[int]) -> None:
        """Tell the system that these units are read next, so that it fetches them together."""
        length = self.tokens * self.dtype.itemsize
        with self._opened() as file:
            for unit in units if hasattr(os, "posix_fadvise") else ():
                at = self.starts[unit // BLOCK] + unit % BLOCK * length
                os.posix_fadvise(file.fileno(), at, length, os.POSIX_FADV_WILLNEED)

    def check(self) -> None:
        """Compare everything with its digest. Raises ``InputError`` naming the first unit that differs."""
        with self._opened() as file:
            for first, block in zip(range(0, self.units, BLOCK), self.map(), strict=True):
                for unit, values in enumerate(_bytes(block), first):
                    self.check_pieces(unit, 0, values.data)
                    self._course(file, unit)

    def check_pieces(self, unit: int, first: int, values: memoryview) -> None:
        """Compare whole pieces of a unit, from ``first`` on, with their digests. ``InputError`` if they differ."""
        size = PIECE * self.dtype.itemsize
        for number, at in enumerate(range(0, len(values), size), first):
            self._check(unit, number, values[at : at + size])

    def map(self) -> list[Tensor]:
        """Every block as a tensor ``[unit token]`` over the file's pages; they are read when they are looked at."""
        with disk_errors(self.path, "read"), open(self.path, "rb") as file:
            # A private mapping counts as writable, which torch wants; nothing is ever written.
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        heights = [min(BLOCK, self.units - first) for first in range(0, self.units, BLOCK)]
        if not self.tokens:
            return [torch.empty(height, 0, dtype=self.dtype) for height in heights]
        return [
            torch.frombuffer(pages, dtype=self.dtype, count=height * self.tokens, offset=start).view(height, -1)
            for start, height in zip(self.starts[:-1], heights, strict=True)
        ]

    def _course(self, file: BinaryIO, unit: int) -> Float[np.ndarray, "3 step"]:
        steps = -(-self.tokens // STEP)
        length = 3 * steps * self.dtype.itemsize
        data = bytearray(read_at(file.fileno(), length, self.starts[-1] + unit * length))
        self._check(unit, _pieces(self.tokens), memoryview(data))
        values = torch.frombuffer(data, dtype=self.dtype).float() if data else torch.zeros(0)
        return values.view(3, steps).numpy()

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        with disk_errors(self.path, "read"), open_plain(self.path) as file:
            if hasattr(os, "posix_fadvise"):  # macOS has none
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            yield file

    def _check(self, unit: int, piece: int, values: memoryview) -> None:
        place = (unit * (_pieces(self.tokens) + 1) + piece) * DIGEST_BYTES
        if _digest(values) != self.digests[place : place + DIGEST_BYTES]:
            raise damaged(self.path, f"the values of unit {unit} differ from their digest", MEND)


class Pages:
    """A file of blocks over its pages in memory, each piece compared with its digest when it is first looked at."""

    def __init__(self, blocks: Blocks, seen: Bool[np.ndarray, "unit piece"] | None = None) -> None:
        self.blocks = blocks
        self._pages = blocks.map()
        self.seen = np.zeros((blocks.units, _pieces(blocks.tokens)), bool) if seen is None else seen
        """The pieces that were compared."""

    def values(self, block: int, rows: Sequence[int] | slice, start: int, stop: int) -> Float[Tensor, "unit token"]:
        """Some rows of a block, from a token to before another. Raises ``InputError`` where they are damaged."""
        page = self._pages[block]
        pieces = slice(start // PIECE, _pieces(stop))
        units = np.arange(len(page))[rows] + block * BLOCK
        if not (seen := self.seen[units, pieces]).all():
            for unit in units[~seen.all(1)].tolist():
                row = page[unit % BLOCK, pieces.start * PIECE : pieces.stop * PIECE]
                self.blocks.check_pieces(unit, pieces.start, row.view(torch.uint8).numpy().data)
            self.seen[units, pieces] = True
        return page[rows, start:stop]
