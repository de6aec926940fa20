"""Evidence of a question: the sequences that choose, those that confirm, and the pieces."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from unitscope.errors import InputError
from unitscope.evidence.groups import Groups, buckets, divide, share
from unitscope.source.pieces import near_copies_in, pieces_of
from unitscope.source.source import Source


@dataclass(frozen=True, eq=False)
class Side:
    """The sequences that choose units, or those that confirm them."""

    sequences: tuple[int, ...]
    shared: tuple[int, ...]
    """Those on which untrained networks are compared."""
    piece: dict[int, int]
    """Of each sequence: its document, or its stretch of the text."""
    bucket: dict[int, int]
    """Of each sequence."""
    buckets: int
    order: tuple[int, ...]
    """The sequences in an order that has nothing to do with where they stand: piece by piece, by content."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """The evidence in a source."""

    groups: Groups
    choosing: Side
    confirming: Side
    divided: bool
    """False where there are too few pieces for two sides: then both are all of them, and nothing is confirmed."""
    note: str
    """What counts as one piece, and what is nearly a copy of another, in words."""


def pieces(source: Source, of: float) -> Pieces:
    """The pieces of a source. ``of`` is the share of its tokens on which untrained networks are compared."""
    sequences = [int(number) for number in source.sequences]
    if not sequences:
        raise InputError(f"{source.name} has no sequences to ask about")
    found = pieces_of(source)
    try:
        choosing, confirming = divide(found)
        divided = True
    except InputError:
        choosing = confirming = np.arange(len(found))
        divided = False
    here, there = (_side(found, side, sequences, of) for side in (choosing, confirming))
    return Pieces(found, here, there, divided, "; ".join(filter(None, [found.note, near_copies_in(source)])))


def _side(found: Groups, side: Int[np.ndarray, " piece"], sequences: Sequence[int], of: float) -> Side:
    bucket = dict(zip(side.tolist(), buckets([found.keys[p] for p in side], found.tokens[side]).tolist(), strict=True))
    own = {
        n: bucket[int(p)] for n, p, once in zip(sequences, found.piece, found.once, strict=True) if once and p in bucket
    }
    own_piece = {number: int(p) for number, p in zip(sequences, found.piece, strict=True) if number in own}
    few = set(share(found, side, of).tolist())
    shared = [n for n, p in zip(sequences, found.piece, strict=True) if n in own and int(p) in few]
    order = tuple(sorted(own, key=lambda n: hashlib.sha256(found.keys[own_piece[n]].encode()).digest()))
    return Side(tuple(own), tuple(shared), own_piece, own, max(own.values(), default=0) + 1, order)
