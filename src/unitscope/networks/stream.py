"""The text that a network trains on: symbol ids in parallel rows that are read from left to right."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from unitscope.corpus.text import TextCorpus
from unitscope.errors import InputError

IN_MEMORY = 1 << 29
"""Longer streams (in bytes) are kept in a temporary file and read through a memory map."""


@dataclass(frozen=True)
class Stream:
    """A part of a text, end to end, in the narrowest integers that hold it."""

    ids: Shaped[np.ndarray, " token"]
    targets: Shaped[np.ndarray, " token"]
    """The id that follows; ``none`` where nothing follows, at the end of a document."""
    none: int
    """One more than the largest id."""

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, count: int) -> "Rows":
        """The stream cut into so many equal rows; fewer than ``count`` tokens at its end are left out."""
        if len(self) < count:
            raise InputError(f"a text of {len(self):,} tokens is too short for {count} rows; choose fewer rows")
        columns = len(self) // count
        shape = (count, columns)
        return Rows(
            self.ids[: count * columns].reshape(shape), self.targets[: count * columns].reshape(shape), self.none
        )


@dataclass(frozen=True)
class Rows:
    """A stream laid out for reading many places at once."""

    ids: Shaped[np.ndarray, "row column"]
    targets: Shaped[np.ndarray, "row column"]
    none: int

    def __len__(self) -> int:
        """Columns: tokens of each row."""
        return int(self.ids.shape[1])

    def window(
        self, start: int, steps: int, device: torch.device
    ) -> tuple[Int[Tensor, "row step"], Int[Tensor, "row step"]]:
        """Ids and targets of the columns from ``start`` on, as many as ``steps`` or as are left."""
        stop = start + steps
        ids = torch.from_numpy(self.ids[:, start:stop].astype(np.int64))
        targets = torch.from_numpy(self.targets[:, start:stop].astype(np.int64))
        return ids.to(device), targets.to(device)

    def windows(
        self, steps: int, device: torch.device
    ) -> Iterator[tuple[Int[Tensor, "row step"], Int[Tensor, "row step"]]]:
        """All columns, from left to right; the last window may be shorter."""
        for start in range(0, len(self), steps):
            yield self.window(start, steps, device)


def stream_of(corpus: TextCorpus) -> Stream:
    """The part of the text that the corpus reads."""
    none = len(corpus.vocabulary)
    dtype = np.uint8 if none < 1 << 8 else np.uint16 if none < 1 << 16 else np.uint32
    ids, targets = (_array(corpus.tokens, dtype) for _ in range(2))
    first = 0
    for stretch, following in corpus.stretches():
        after = first + len(stretch)
        ids[first:after] = stretch
        targets[first : after - 1] = stretch[1:]
        targets[after - 1] = none if following < 0 else following
        first = after
    return Stream(ids, targets, none)


def _array(size: int, dtype: type[np.unsignedinteger]) -> np.ndarray:
    if size * np.dtype(dtype).itemsize <= IN_MEMORY:
        return np.empty(size, dtype)
    with tempfile.TemporaryFile() as file:  # the map keeps the file alive, and frees it when it goes
        return np.memmap(file, dtype, mode="w+", shape=(size,))
