"""Sums over tokens of labels, and of labels times units, that are the same to the last bit whatever else is asked.

Products of other widths differ in their last bits, so labels are multiplied with the units in blocks of a fixed width.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse
from torch import Tensor

WIDTH = 32
"""Labels that are multiplied together; fewer are filled up with zeros."""
UNITS = 32
"""Units are filled up to a multiple of this, so that sums over tokens are the same too whatever units are beside."""
RARE = 0.01
"""A label whose values are nearly all zero is added up by its other values alone."""


def filled(x: Float[Tensor, "*token unit"]) -> Float[Tensor, "*token filled"]:
    """With columns of zeros up to a multiple of ``UNITS``."""
    lacking = -x.shape[-1] % UNITS
    return torch.nn.functional.pad(x, (0, lacking)) if lacking else x


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows ``[label token]`` that are multiplied with the units of many sites."""

    count: int
    few: Int[Tensor, " rare"]
    table: Any
    """The rare rows, by their values that are not zero."""
    blocks: list[tuple[Int[Tensor, " _"], Float[Tensor, "_ token"]]]
    """The others, ``WIDTH`` at a time."""

    @classmethod
    def of(cls, y: Float[Tensor, "label token"]) -> "Rows":
        counts = torch.count_nonzero(y, 1).cpu()
        rare = counts <= RARE * y.shape[1] if y.device.type == "cpu" else torch.zeros_like(counts, dtype=torch.bool)
        few, many = (torch.nonzero(which).squeeze(1) for which in (rare, ~rare))
        blocks = []
        for first in range(0, len(many), WIDTH):
            block = many[first : first + WIDTH].to(y.device)
            rows = y.new_zeros(WIDTH, y.shape[1])
            rows[: len(block)] = y[block]
            blocks.append((block, rows))
        return cls(len(y), few, sparse.csr_array(y[few].numpy()) if len(few) else None, blocks)

    def times(self, x: Float[Tensor, "token filled"]) -> Float[Tensor, "label filled"]:
        """Σ over tokens of each row times each unit, in float64; a pair's sum never depends on what else there is."""
        found = x.new_empty(self.count, x.shape[1])
        if self.table is not None:
            found[self.few] = torch.from_numpy(np.asarray(self.table @ x.numpy()))
        for block, rows in self.blocks:
            found[block] = (rows @ x)[: len(block)]
        return found.double().cpu()


def summed(y: Float[Tensor, "label token"]) -> Float[Tensor, " label"]:
    """Σ over tokens in float64. Torch's own sums depend on how many rows there are."""
    return torch.from_numpy(y.cpu().numpy().sum(1, dtype=np.float64))
