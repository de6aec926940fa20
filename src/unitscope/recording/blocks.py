"""The activations of one site in one shard: a safetensors file, laid out so that one unit is one run of bytes.

Units lie in blocks of 64: tensors ``u000000``, ``u000064``, … of shape ``[64, token]`` (the last may be lower).
Reading a unit touches only its own bytes; reading all units goes through the file in few long strides. At the end
stands a digest of each unit's values, so that a unit is checked as it is read, at the cost of its own bytes.
The file is plain safetensors, so that every other program can read it too.
"""

import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.errors import InputError
from unitscope.files.arrays import header_bytes, read_header
from unitscope.files.damage import damaged
from unitscope.files.digest import Digest, digest
from unitscope.files.inside import open_plain, read_into
from unitscope.files.room import disk_errors
from unitscope.files.writing import Written, fill

BLOCK = 64

TYPES: dict[str, tuple[str, torch.dtype]] = {
    "float32": ("F32", torch.float32),
    "float16": ("F16", torch.float16),
    "bfloat16": ("BF16", torch.bfloat16),
}
"""Precisions that can be kept: what safetensors and what torch call them."""

DIGESTS = "digests"
DIGEST_BYTES = 16
"""Of one unit: 128 bits of BLAKE3."""
MEND = "record again with the same settings, which makes that shard anew and keeps the others"


def precision_bytes(precision: str) -> int:
    """Bytes of one value. Raises ``InputError`` for a precision that cannot be kept."""
    if precision not in TYPES:
        raise InputError(f"activations cannot be kept as {precision!r}; there are: {', '.join(TYPES)}")
    return TYPES[precision][1].itemsize


def write_blocks(path: Path, values: Float[Tensor, "unit token"], precision: str) -> Written:
    """Write unit-major values, already in the precision that is kept.

    The digest that is returned is of the header and of the units' own digests, which stand at the end of the file; so
    every byte is digested once, and each unit can be checked without the others.
    """
    code, _ = TYPES[precision]
    units, tokens = values.shape
    rows = values.contiguous().view(torch.uint8).numpy() if values.numel() else np.empty((units, 0), np.uint8)
    digests = b"".join(_digest(row.data) for row in rows)
    header = header_bytes(_entries(units, tokens, code))
    written = fill(path, header, rows.data if rows.size else b"", digests)
    return Written(written.bytes, digest(header, digests))


def _entries(units: int, tokens: int, code: str) -> list[tuple[str, str, tuple[int, int]]]:
    """Name, type and shape of every tensor of a file, in their order."""
    blocks = [(block_name(first), code, (min(BLOCK, units - first), tokens)) for first in range(0, units, BLOCK)]
    return [*blocks, (DIGESTS, "U8", (units, DIGEST_BYTES))]


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
    """Where each block's bytes begin in the file."""
    digests: bytes
    """Of each unit's values, end to end."""

    @classmethod
    def open(cls, path: Path, units: int, tokens: int, precision: str, expected: str) -> "Blocks":
        """Read the header and the units' digests.

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
                digests = bytearray(units * DIGEST_BYTES)
                file.seek(header.entries[DIGESTS].start)
                read_into(file, memoryview(digests))
            if digest(head, digests) != expected:
                raise ValueError("its digests differ from what its shard's list says")
        except ValueError as error:
            raise damaged(path, error, MEND) from error
        starts = [header.entries[block_name(first)].start for first in range(0, units, BLOCK)]
        return cls(path, units, tokens, dtype, tuple(starts), bytes(digests))

    def unit(self, unit: int) -> Float[Tensor, " token"]:
        """All values of one unit as float32, reading no other byte. Raises ``InputError`` where they are damaged."""
        block, row = divmod(unit, BLOCK)
        length = self.tokens * self.dtype.itemsize
        with disk_errors(self.path, "read"), open_plain(self.path) as file:
            if hasattr(os, "posix_fadvise"):  # macOS has none
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            data = bytearray(os.pread(file.fileno(), length, self.starts[block] + row * length))
        self._check(unit, memoryview(data))
        return torch.frombuffer(data, dtype=self.dtype).float() if data else torch.zeros(0)

    def part(self, units: Sequence[int], start: int, stop: int) -> Float[np.ndarray, "unit token"]:
        """Some tokens of some units as float32, reading no other byte; digests are of whole units, so none is looked
        at."""
        size = self.dtype.itemsize
        found = np.empty((len(units), stop - start), np.float32)
        with disk_errors(self.path, "read"), open_plain(self.path) as file:
            for place, unit in enumerate(units):
                block, row = divmod(unit, BLOCK)
                at = self.starts[block] + (row * self.tokens + start) * size
                data = bytearray(os.pread(file.fileno(), (stop - start) * size, at))
                if data:
                    found[place] = torch.frombuffer(data, dtype=self.dtype).float().numpy()
        return found

    def check(self) -> None:
        """Compare every unit with its digest. Raises ``InputError`` naming the first that differs."""
        for first, block in zip(range(0, self.units, BLOCK), self.map(), strict=True):
            rows = block.view(torch.uint8).numpy() if block.numel() else np.empty((len(block), 0), np.uint8)
            for row, values in enumerate(rows):
                self._check(first + row, values.data)

    def map(self) -> "list[Tensor]":
        """Every block as a tensor ``[unit token]`` over the file's pages; they are read when they are looked at."""
        with disk_errors(self.path, "read"), open(self.path, "rb") as file:
            # A private mapping counts as writable, which torch wants; nothing is ever written.
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        heights = [min(BLOCK, self.units - first) for first in range(0, self.units, BLOCK)]
        if not self.tokens:
            return [torch.empty(height, 0, dtype=self.dtype) for height in heights]
        return [
            torch.frombuffer(pages, dtype=self.dtype, count=height * self.tokens, offset=start).view(height, -1)
            for start, height in zip(self.starts, heights, strict=True)
        ]

    def _check(self, unit: int, values: memoryview) -> None:
        place = unit * DIGEST_BYTES
        if _digest(values) != self.digests[place : place + DIGEST_BYTES]:
            raise damaged(self.path, f"the values of unit {unit} differ from their digest", MEND)
