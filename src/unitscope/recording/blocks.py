"""The activations of one site in one shard: a safetensors file, laid out so that one unit is one run of bytes.

Units lie in blocks of 64: tensors ``u000000``, ``u000064``, … of shape ``[64, token]`` (the last may be lower).
Reading a unit touches only its own bytes; reading all units goes through the file in few long strides.
The file is plain safetensors, so that every other program can read it too.
"""

import json
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.errors import InputError
from unitscope.recording.durable import Written, write

BLOCK = 64

TYPES: dict[str, tuple[str, torch.dtype]] = {
    "float32": ("F32", torch.float32),
    "float16": ("F16", torch.float16),
    "bfloat16": ("BF16", torch.bfloat16),
}
"""Precisions that can be kept: what safetensors and what torch call them."""

LONGEST_HEADER = 100_000_000
"""The limit of the safetensors library itself."""


def precision_bytes(precision: str) -> int:
    """Bytes of one value. Raises ``InputError`` for a precision that cannot be kept."""
    if precision not in TYPES:
        raise InputError(f"activations cannot be kept as {precision!r}; there are: {', '.join(TYPES)}")
    return TYPES[precision][1].itemsize


def write_blocks(path: Path, values: Float[Tensor, "unit token"], precision: str) -> Written:
    """Write unit-major values, already in the precision that is kept."""
    code, dtype = TYPES[precision]
    units, tokens = values.shape
    entries: dict[str, Any] = {}
    for first in range(0, units, BLOCK):
        height = min(BLOCK, units - first)
        offsets = [row * tokens * dtype.itemsize for row in (first, first + height)]
        entries[block_name(first)] = {"dtype": code, "shape": [height, tokens], "data_offsets": offsets}
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # keeps the values aligned
    data = values.contiguous().view(torch.uint8).numpy().data if values.numel() else b""
    return write(path, struct.pack("<Q", len(header)), header, data)


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

    @classmethod
    def open(cls, path: Path, units: int, tokens: int, precision: str) -> "Blocks":
        """Read the header. Raises ``InputError`` unless the file holds these units and tokens, whole."""
        try:
            entries, begin, size = _header(path)
            code, dtype = TYPES[precision]
            starts = []
            for first in range(0, units, BLOCK):
                shape = [min(BLOCK, units - first), tokens]
                entry = entries[block_name(first)]
                start, end = entry["data_offsets"]
                if entry["dtype"] != code or entry["shape"] != shape:
                    raise ValueError(
                        f"{block_name(first)} is {entry['dtype']} {entry['shape']}, it should be {code} {shape}"
                    )
                if not 0 <= start <= end <= size - begin or end - start != shape[0] * tokens * dtype.itemsize:
                    raise ValueError(f"{block_name(first)} lies outside of the file")
                starts.append(begin + start)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(path, error) from error
        return cls(path, units, tokens, dtype, tuple(starts))

    def unit(self, unit: int) -> Float[Tensor, " token"]:
        """All values of one unit as float32, reading no other byte."""
        block, row = divmod(unit, BLOCK)
        length = self.tokens * self.dtype.itemsize
        handle = os.open(self.path, os.O_RDONLY)
        try:
            if hasattr(os, "posix_fadvise"):  # macOS has none
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_RANDOM)
            data = bytearray(os.pread(handle, length, self.starts[block] + row * length))
        finally:
            os.close(handle)
        if len(data) != length:
            raise damaged(self.path, "it ends too early")
        return torch.frombuffer(data, dtype=self.dtype).float() if data else torch.zeros(0)

    def map(self) -> "list[Tensor]":
        """Every block as a tensor ``[unit token]`` over the file's pages; they are read when they are looked at."""
        with open(self.path, "rb") as file:
            # A private mapping counts as writable, which torch wants; nothing is ever written.
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        heights = [min(BLOCK, self.units - first) for first in range(0, self.units, BLOCK)]
        return [
            torch.frombuffer(pages, dtype=self.dtype, count=height * self.tokens, offset=start).view(height, -1)
            for start, height in zip(self.starts, heights, strict=True)
        ]


def damaged(path: Path, reason: object) -> InputError:
    """What to say, and do, about a file that cannot be read."""
    return InputError(
        f"{path} is damaged ({reason}); delete its folder {path.parent} and record again with the same settings, "
        "which writes that shard anew and keeps the others"
    )


def _header(path: Path) -> tuple[dict[str, Any], int, int]:
    """The entries of a safetensors header, where the data begins, and the size of the file."""
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else LONGEST_HEADER + 1
        if length > min(size - 8, LONGEST_HEADER):
            raise ValueError("it has no safetensors header")
        entries = json.loads(file.read(length))
        if not isinstance(entries, dict):
            raise ValueError("its safetensors header is no object")
        return entries, 8 + length, size
