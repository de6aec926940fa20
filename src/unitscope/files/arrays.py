"""The one reader and writer of safetensors files, without torch.

The header is read within bounds and checked against the size of the file before a byte is set aside for its arrays.
A file that is written here says in its metadata the digest of all its bytes, its own digits counted as zeros.
"""

import json
import math
import os
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from unitscope.files.damage import damaged
from unitscope.files.digest import STEP, Digest
from unitscope.files.inside import open_plain, read_into
from unitscope.files.jsons import parse
from unitscope.files.room import disk_errors
from unitscope.files.writing import Written, write

LONGEST_HEADER = 64_000_000
"""Bytes. The library's own limit is 100 MB."""
AXES = 64
"""Of one array."""
METADATA = "__metadata__"
DIGEST = "digest"
BLANK = "0" * 64
SEAL = re.compile(rb'\{"__metadata__":\{"digest":"([0-9a-f]{64})"')
WIDTHS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64"), 8),
}
"""Bytes of one value, by what the format calls its type."""
NUMPY = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}
CODES = {np.dtype(name): code for code, name in NUMPY.items()}

Part = bytes | memoryview


@dataclass(frozen=True)
class Entry:
    """One array of a file."""

    code: str
    """Its type, as the format calls it."""
    shape: tuple[int, ...]
    start: int
    """Its first byte in the file."""
    stop: int


@dataclass(frozen=True)
class Header:
    """Header of a file, checked against its size."""

    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]
    begin: int
    """Where the arrays begin in the file."""
    size: int
    """Of the file."""


def header_bytes(entries: Sequence[tuple[str, str, Sequence[int]]], metadata: Mapping[str, str] | None = None) -> bytes:
    """Header of a file whose arrays (name, type, shape) lie end to end in this order."""
    plain: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    start = 0
    for name, code, shape in entries:
        stop = start + math.prod(shape) * WIDTHS[code]
        plain[name] = {"dtype": code, "shape": list(shape), "data_offsets": [start, stop]}
        start = stop
    header = json.dumps(plain, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # keeps the values aligned
    return struct.pack("<Q", len(header)) + header


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> Written:
    """Write arrays and some words, in one step. Raises ``InputError`` if the disk refuses."""
    return write(path, *arrays_bytes(arrays, metadata))


def arrays_bytes(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> list[Part]:
    """The content of such a file, in parts."""
    # The widest types first, as the format wants it, so that each array is aligned.
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    plain = [(name, np.ascontiguousarray(array, array.dtype.newbyteorder("<"))) for name, array in ordered]
    entries = [(name, CODES[array.dtype], arrays[name].shape) for name, array in plain]
    return sealed(entries, [array.tobytes() for _, array in plain], metadata)


def sealed(
    entries: Sequence[tuple[str, str, Sequence[int]]],
    data: Sequence[Part],
    metadata: Mapping[str, str] | None = None,
) -> list[Part]:
    """Header and arrays of a file, with the digest of all of it in its metadata."""
    header = header_bytes(entries, {DIGEST: BLANK, **(metadata or {})})
    made = Digest(header)
    for part in data:
        made.update(part)
    return [header.replace(BLANK.encode(), made.hexdigest().encode(), 1), *data]


def read_header(file: BinaryIO) -> Header:
    """Read and check a header. Raises ``ValueError`` unless types, shapes and places agree with the file's size."""
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(8)
    length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else LONGEST_HEADER + 1
    if length > min(size - 8, LONGEST_HEADER):
        raise ValueError("it has no safetensors header")
    plain = parse(file.read(length))
    if not isinstance(plain, dict):
        raise ValueError("its safetensors header is no object")
    metadata = plain.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata are no words")
    begin = 8 + length
    entries = {name: _entry(name, told, begin) for name, told in plain.items()}
    end = begin
    for entry in sorted(entries.values(), key=lambda entry: (entry.start, entry.stop)):
        if entry.start != end:
            raise ValueError("its arrays do not lie end to end")
        end = entry.stop
    if end != size:
        raise ValueError(f"it has {size} bytes and its header speaks of {end}")
    return Header(entries, metadata, begin, size)


def read_arrays(path: Path, advice: str, seal: bool = True) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """All arrays and the metadata of a file.

    With ``seal``, a file without its own digest is damaged; otherwise a digest is checked where there is one.
    Raises ``InputError`` where there is none, or it is no such file, or not what was written.
    """
    with disk_errors(path, "read"), open_plain(path) as file:
        try:
            header = read_header(file)
            check_seal(file, header, required=seal)
            arrays = {name: _array(file, name, entry) for name, entry in header.entries.items()}
        except ValueError as error:
            raise damaged(path, error, advice) from error
    return arrays, {name: value for name, value in header.metadata.items() if name != DIGEST}


def check_seal(file: BinaryIO, header: Header, required: bool) -> None:
    """Compare the digest that a file says of itself with its bytes. Raises ``ValueError`` where they differ."""
    file.seek(0)
    first = bytearray(header.begin)
    read_into(file, memoryview(first))
    seal = SEAL.match(first, 8)
    if not seal:
        if required or DIGEST in header.metadata:
            raise ValueError("it has no digest")
        return
    said = seal[1].decode()
    first[slice(*seal.span(1))] = BLANK.encode()
    made = Digest(first)
    step = memoryview(bytearray(STEP))
    while got := file.readinto(step):  # type: ignore[attr-defined]
        made.update(step[:got])
    if made.hexdigest() != said:
        raise ValueError("its content differs from its digest")


def _entry(name: str, told: Any, begin: int) -> Entry:
    match told:
        case {"dtype": str(code), "shape": list(shape), "data_offsets": [int(start), int(stop)], **rest} if not rest:
            whole = len(shape) <= AXES and all(type(side) is int and 0 <= side < 2**63 for side in shape)
            if code in WIDTHS and whole and start >= 0 and stop - start == math.prod(shape) * WIDTHS[code]:
                return Entry(code, tuple(shape), begin + start, begin + stop)
    raise ValueError(f"its array {name[:50]!r} is described wrongly")


def _array(file: BinaryIO, name: str, entry: Entry) -> np.ndarray:
    if entry.code not in NUMPY:
        raise ValueError(f"its array {name[:50]!r} is of type {entry.code}, which NumPy does not have")
    file.seek(entry.start)
    array = np.empty(entry.shape, NUMPY[entry.code])
    read_into(file, array.reshape(-1).view(np.uint8).data)
    return array
