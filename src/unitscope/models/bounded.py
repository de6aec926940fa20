"""A network is built only where its files have the weights: a description of a few bytes may speak of any number.

It is built without memory first (torch's device ``meta``), and stopped as soon as it has more parts than its files
could fill; then its shapes are compared with those that the headers of the files say.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as registering

from unitscope.files.tensors import tensors_header

PARTS = 64
"""Modules without weights for each array, and arrays that no file has (tied weights, tables made anew), on average."""
SPARE = 4_096
"""As many more in all."""
BUFFERS = 1 << 28
"""Values of what no file has: tables of positions and masks."""

Shapes = Mapping[str, tuple[int, ...]]


def shapes_in(files: Sequence[Path], advice: str) -> Shapes:
    """The shape of every array of some safetensors files; nothing but their headers is read."""
    headers = [tensors_header(file, advice) for file in files]
    return {name: entry.shape for header in headers for name, entry in header.entries.items()}


def sketch(make: Callable[[], nn.Module], given: Shapes) -> nn.Module:
    """A network without memory. Raises ``ValueError`` where it has far more than files with these arrays could fill."""
    with torch.device("meta"), _counted(PARTS * len(given) + SPARE):
        net = make()
    known = sum(_size(shape) for shape in given.values())
    buffers = sum(buffer.numel() for buffer in net.buffers())
    weights = sum(weight.numel() for weight in net.parameters())
    if weights > 2 * known + BUFFERS or buffers > 2 * known + BUFFERS:
        raise ValueError(f"it describes {weights + buffers:,} values, and its files have {known:,}")
    return net


@contextmanager
def _counted(most: int) -> Iterator[None]:
    """Raises ``ValueError`` in whoever makes more modules and weights than this."""
    count = 0

    def another(*_: Any) -> None:
        nonlocal count
        count += 1
        if count > most:
            raise ValueError(f"it describes more than {most:,} parts, which its files cannot fill")

    handles = [
        registering.register_module_module_registration_hook(another),
        registering.register_module_parameter_registration_hook(another),
        registering.register_module_buffer_registration_hook(another),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size
