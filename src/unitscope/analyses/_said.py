"""The labels of a chunk as they are added up, block by block: the same for the units of every site."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from unitscope.analyses._buckets import runs
from unitscope.analyses._products import Rows, summed
from unitscope.source.chunk import Chunk

TOKENS = 4096
"""Tokens of a product in float32, at most; beyond that sums are float64."""
SHIFTED = 4096
"""Tokens whose mean is the shift of what is added up."""
KEPT = 5
"""Labels that are remembered: a question's own, and its controls."""


@dataclass(frozen=True, eq=False)
class Block:
    """The labels of some tokens of one bucket, as the units of every site are multiplied with them."""

    bucket: int
    rows: slice
    labels: Rows
    """Less their shifts, 0 where they are undefined."""
    sums: Float[Tensor, "power label"]
    """Σy, Σy², Σy³, Σy⁴, in float64."""
    everywhere: list[int]
    """Families that are defined at all of these tokens."""
    somewhere: list[int]
    """The others."""
    known: Float[Tensor, " family"]
    """Tokens where each of these is defined."""
    defined: Rows | None
    """1 where it is; None if there are none."""


@dataclass(frozen=True, eq=False)
class Said:
    """The labels of a chunk."""

    flags: Bool[Tensor, " label"]
    """No value but 0 and 1."""
    sequences: int
    blocks: list[Block]


def shift_of(chunk: Chunk, of: tuple[str, ...]) -> Float[Tensor, " label"]:
    """About the mean of each label that is a number."""
    y = torch.stack([chunk.labels[name][:SHIFTED] for name in of]).float()  # [label token]
    flags = _flags(y)
    means = summed(y.nan_to_num()) / (~y.isnan()).sum(1).cpu().clamp(min=1)
    return torch.where(flags, 0.0, means.float().double())


def _flags(y: Float[Tensor, "label token"]) -> Bool[Tensor, " label"]:
    return ((y == 0) | (y == 1) | y.isnan()).all(1).cpu()


_Key = tuple[int, tuple[str, ...], tuple[int, ...], tuple[str, int]]
_LAST: OrderedDict[_Key, tuple[Mapping[str, Tensor], Tensor, Said]] = OrderedDict()
"""What was made of the last labels: all sites of a chunk share theirs, and they are half of the work."""


def said_of(
    chunk: Chunk,
    of: tuple[str, ...],
    families: Sequence[int],
    buckets: tuple[str, int],
    shift: Float[Tensor, " label"],
) -> Said:
    """The labels of a chunk, made once for all its sites.

    ``families`` number the labels from 1; ``buckets`` are the label that numbers them, and how many there are.
    """
    key = id(chunk.labels), of, tuple(families), buckets
    labels, about, said = _LAST.get(key, (None, shift, None))
    if said is not None and labels is chunk.labels and torch.equal(about, shift):
        return said
    y = torch.stack([chunk.labels[name] for name in of]).float()  # [label token]
    shifts = shift.to(y.device, y.dtype)[:, None]
    firsts = [families.index(family) for family in range(1, max(families) + 1)]
    blocks = []
    for bucket, first, last in runs(chunk, *buckets):
        for begin in range(first, last, TOKENS):
            rows = slice(begin, min(begin + TOKENS, last))
            blocks.append(_block(bucket, rows, y[:, rows] - shifts, firsts))
    said = Said(_flags(y), len(chunk.spans()), blocks)
    _LAST[key] = chunk.labels, shift.clone(), said
    while len(_LAST) > KEPT:
        _LAST.popitem(last=False)
    return said


def _block(bucket: int, rows: slice, y: Float[Tensor, "label token"], firsts: list[int]) -> Block:
    defined = ~y[firsts].isnan()  # [family token]
    whole = defined.all(1).tolist()
    everywhere, somewhere = ([family for family, all_ in enumerate(whole, 1) if all_ is one] for one in (True, False))
    weight = defined[[family - 1 for family in somewhere]].to(y.dtype)
    y = y.nan_to_num()
    yy = y * y
    return Block(
        bucket=bucket,
        rows=rows,
        labels=Rows.of(y),
        sums=torch.stack([summed(part) for part in (y, yy, yy * y, yy * yy)]),
        everywhere=everywhere,
        somewhere=somewhere,
        known=weight.sum(1).double().cpu(),
        defined=Rows.of(weight) if somewhere else None,
    )
