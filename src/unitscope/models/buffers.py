"""Memory for activations that is used again as soon as no tensor looks at it.

The streams of one batch easily take 100 MB. Fresh memory of that size comes from the system page by
page, each cleared at first touch, which can cost as much as half the computation. So blocks are kept,
and NumPy makes them because it asks for huge pages, which PyTorch does not.
"""

import math
import threading
import weakref

import numpy as np
import torch
from torch import Tensor

SMALL = 2**17
"""Bytes up to which memory is cheaper from PyTorch, which keeps what is so small."""
_Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


class Buffers:
    """Hands out uninitialised tensors. Holds no more blocks than were ever in use at once."""

    def __init__(self) -> None:
        self._blocks: list[tuple[_Array, weakref.ref[_Array]]] = []

    def empty(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """A tensor of this shape with the precision and device of another; its memory is its own while it lives."""
        if like.device.type != "cpu" or like.dtype not in (torch.float32, torch.float64):
            return like.new_empty(shape)
        size = math.prod(shape) * like.element_size()
        if size <= SMALL:
            return like.new_empty(shape)
        free = [block for block, user in self._blocks if user() is None and block.nbytes >= size]
        if free:
            block = min(free, key=len)
        else:  # whatever is free is too small
            self._blocks = [(block, user) for block, user in self._blocks if user() is not None]
            block = np.empty(size, np.uint8)
        # The tensor and every view of it keep this array alive, and nothing else does.
        array = block[:size].view(str(like.dtype).removeprefix("torch.")).reshape(shape)
        self._blocks = [(other, user) for other, user in self._blocks if other is not block]
        self._blocks.append((block, weakref.ref(array)))
        return torch.from_numpy(array)


_THREAD = threading.local()


def shared() -> Buffers:
    """The buffers of this thread: one network after another, as untrained baselines are read, uses the same memory."""
    if not hasattr(_THREAD, "buffers"):
        _THREAD.buffers = Buffers()
    buffers: Buffers = _THREAD.buffers
    return buffers
