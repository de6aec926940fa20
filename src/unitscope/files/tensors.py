"""Safetensors files as tensors of torch: weights, states, checkpoints."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from unitscope.files.arrays import DIGEST, Header, check_seal, read_header, sealed
from unitscope.files.damage import damaged
from unitscope.files.inside import open_plain, read_into
from unitscope.files.room import disk_errors
from unitscope.files.writing import Written, write

TYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "U16": torch.uint16,
    "I16": torch.int16,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "U32": torch.uint32,
    "I32": torch.int32,
    "F32": torch.float32,
    "U64": torch.uint64,
    "I64": torch.int64,
    "F64": torch.float64,
}
CODES = {dtype: code for code, dtype in TYPES.items()}


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> Written:
    """Write tensors and some words, in one step. Raises ``InputError`` if the disk refuses."""
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    plain = [(name, value.detach().cpu().contiguous()) for name, value in ordered]
    entries = [(name, CODES[value.dtype], tuple(value.shape)) for name, value in plain]
    return write(path, *sealed(entries, [_bytes(value) for _, value in plain], metadata))


def read_tensors(path: Path, advice: str, seal: bool = False) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors and the metadata of a file; those of others need no digest, unless ``seal`` asks for one.

    Raises ``InputError`` where there is none, or it is no such file, or not what was written.
    """
    with disk_errors(path, "read"), open_plain(path) as file:
        try:
            header = read_header(file)
            check_seal(file, header, required=seal)
            tensors = {}
            for name, entry in header.entries.items():
                data = bytearray(entry.stop - entry.start)
                file.seek(entry.start)
                read_into(file, memoryview(data))
                kind = TYPES[entry.code]
                flat = torch.frombuffer(data, dtype=kind) if data else torch.empty(0, dtype=kind)
                tensors[name] = flat.reshape(entry.shape)
        except ValueError as error:
            raise damaged(path, error, advice) from error
    return tensors, {name: value for name, value in header.metadata.items() if name != DIGEST}


@contextmanager
def open_tensors(path: Path) -> Iterator[Any]:
    """A file of safetensors, of any name, whose tensors are read when they are asked for: large ones of others."""
    with open_plain(path) as file, safe_open(f"/dev/fd/{file.fileno()}", "pt") as opened:  # which takes names in UTF-8
        yield opened


def tensors_header(path: Path, advice: str) -> Header:
    """Types and shapes of a file's tensors, and nothing else of it. Raises ``InputError`` as ``read_tensors``."""
    with disk_errors(path, "read"), open_plain(path) as file:
        try:
            return read_header(file)
        except ValueError as error:
            raise damaged(path, error, advice) from error


def _bytes(value: Tensor) -> memoryview:
    return value.reshape(-1).view(torch.uint8).numpy().data if value.numel() else memoryview(b"")
